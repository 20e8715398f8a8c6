using KvStore.Access;
using KvStore.Protocol;

namespace KvStore.Commands;

/// <summary>What stands behind SORT's key.</summary>
internal sealed class SortOptions
{
    private bool _isRefused;

    /// <summary>The argument with BY's pattern; 0 for none.</summary>
    public int ByAt { get; private set; }

    /// <summary>False where BY names one key, the same for all: then nothing is sorted.</summary>
    public bool HasPattern { get; private set; }

    /// <summary>The arguments with GET's patterns.</summary>
    public List<int> Gets { get; } = [];

    /// <summary>The argument with the key to store at; 0 for none.</summary>
    public int StoreAt { get; private set; }

    public bool Descends { get; private set; }

    public bool Alpha { get; private set; }

    public long Offset { get; private set; }

    /// <summary>Negative: all.</summary>
    public long Count { get; private set; } = -1;

    /// <summary>False where elements stay in their order. A set has none that could be stored, or that a script could
    /// go by.</summary>
    public bool Sorts(bool isSet, bool isOfScript) => ByAt == 0 || HasPattern || (isSet && (StoreAt > 0 || isOfScript));

    /// <summary>Reads them, or replies what is wrong.</summary>
    public static bool TryParse(in Call call, out SortOptions options)
    {
        options = new SortOptions();
        for (int i = 2; i < call.Args.Count; i++)
        {
            int left = call.Args.Count - i - 1;
            if (call.Args.Is(i, "asc"u8) || call.Args.Is(i, "desc"u8))
            {
                options.Descends = call.Args.Is(i, "desc"u8);
            }
            else if (call.Args.Is(i, "alpha"u8))
            {
                options.Alpha = true;
            }
            else if (call.Args.Is(i, "limit"u8) && left >= 2)
            {
                if (!call.TryInteger(i + 1, out long offset) || !call.TryInteger(i + 2, out long count))
                {
                    return false;
                }

                (options.Offset, options.Count, i) = (offset, count, i + 2);
            }
            else if (call.Args.Is(i, "store"u8) && left >= 1 && call.Command.Has(CommandFlags.Write))
            {
                options.StoreAt = ++i;
            }
            else if (left < 1 || !options.TryPattern(call, ref i))
            {
                if (!options._isRefused)
                {
                    call.Reply.Error(Errors.Syntax);
                }

                return false;
            }
        }

        return true;
    }

    private bool TryPattern(in Call call, ref int i)
    {
        bool by = call.Args.Is(i, "by"u8);
        if (!by && !call.Args.Is(i, "get"u8))
        {
            return false;
        }

        i++;
        bool names = call.Args[i].Contains((byte)'*');
        if (by)
        {
            ByAt = i;
            HasPattern = names;
        }
        else
        {
            Gets.Add(i);
        }

        if ((names || !by) && !MayReadAll(call))
        {
            // Which keys it reads, elements say.
            string option = by ? "BY" : "GET";
            call.Reply.Error($"ERR {option} option of SORT denied due to insufficient ACL permissions.");
            _isRefused = true;
            return false;
        }

        return true;
    }

    private static bool MayReadAll(in Call call)
    {
        foreach (AclSelector selector in call.Session.User.Selectors)
        {
            bool all = selector.AllKeys || selector.Keys.Values.Any(
                static it => it.Glob.AsSpan().SequenceEqual("*"u8) && (it.Access & KeyAccess.Read) != 0);
            if (all && selector.AllowsCommand(call.Command.Number))
            {
                return true;
            }
        }

        return false;
    }
}
