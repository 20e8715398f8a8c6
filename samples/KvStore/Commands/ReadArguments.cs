using System.Text;
using KvStore.Engine;
using KvStore.Protocol;

namespace KvStore.Commands;

/// <summary>The arguments of XREAD and XREADGROUP: options, then STREAMS, keys, and as many ids.</summary>
internal struct ReadArguments
{
    /// <summary>A client that waited gets no more at once, where it names no number.</summary>
    private const long DefaultAfterWait = 1000;

    private bool _ofGroup;

    /// <summary>How many entries of each stream at most; 0: all.</summary>
    public long Most { get; private set; }

    /// <summary>The same for one that waited.</summary>
    public readonly long MostAfterWait => Most == 0 ? DefaultAfterWait : Most;

    /// <summary>True where it may wait.</summary>
    public bool Blocks { get; private set; }

    /// <summary>When it stops to wait; 0: never.</summary>
    public long Deadline { get; private set; }

    /// <summary>True where entries need no acknowledgement.</summary>
    public bool NoAcknowledgement { get; private set; }

    /// <summary>The argument that is the group's name; the consumer's is behind it.</summary>
    public int GroupAt { get; private set; }

    /// <summary>The first argument that is a key.</summary>
    public int FirstKey { get; private set; }

    public int KeyCount { get; private set; }

    /// <summary>The argument that is the id for a key.</summary>
    public readonly int IdAt(int key) => FirstKey + KeyCount + key;

    /// <summary>Reads the arguments, or replies what is wrong with them.</summary>
    public static bool TryRead(in Call call, out ReadArguments read)
    {
        read = new ReadArguments { _ofGroup = call.Command.Name == "xreadgroup" };
        for (int at = 1; at < call.Args.Count && read.FirstKey == 0; at++)
        {
            if (!read.TryOption(call, ref at))
            {
                return false;
            }
        }

        if (read.FirstKey == 0)
        {
            call.Reply.Error(Errors.Syntax);
            return false;
        }

        if (read._ofGroup && read.GroupAt == 0)
        {
            call.Reply.Error("ERR Missing GROUP option for XREADGROUP"u8);
            return false;
        }

        return true;
    }

    private bool TryOption(in Call call, ref int at)
    {
        int more = call.Args.Count - 1 - at;
        if (more > 0 && call.Args.Is(at, "block"u8))
        {
            return TryBlock(call, ref at);
        }

        if (more > 0 && call.Args.Is(at, "count"u8))
        {
            bool isNumber = call.TryInteger(++at, out long most);
            Most = Math.Max(0, most);
            return isNumber;
        }

        if (more > 0 && call.Args.Is(at, "streams"u8))
        {
            return TryStreams(call, at + 1);
        }

        bool isGroup = more > 1 && call.Args.Is(at, "group"u8);
        if (!isGroup && !call.Args.Is(at, "noack"u8))
        {
            call.Reply.Error(Errors.Syntax);
            return false;
        }

        if (!_ofGroup)
        {
            call.Reply.Error($"ERR The {(isGroup ? "GROUP" : "NOACK")} option is only supported by XREADGROUP. "
                + "You called XREAD instead.");
            return false;
        }

        NoAcknowledgement |= !isGroup;
        GroupAt = isGroup ? at + 1 : GroupAt;
        at += isGroup ? 2 : 0;
        return true;
    }

    private bool TryBlock(in Call call, ref int at)
    {
        at++;
        if (call.Session.IsOfScript)
        {
            call.Reply.Error(
                $"ERR {call.Args.Shown(0)} command is not allowed with BLOCK option from scripts");
            return false;
        }

        Blocks = Blocking.TryMilliseconds(call, at, out long deadline);
        Deadline = deadline;
        return Blocks;
    }

    private bool TryStreams(in Call call, int first)
    {
        int rest = call.Args.Count - first;
        if (rest % 2 != 0)
        {
            call.Reply.Error(
                "ERR Unbalanced XREAD list of streams: for each stream key an ID or '$' must be specified."u8);
            return false;
        }

        FirstKey = first;
        KeyCount = rest / 2;
        return true;
    }
}
