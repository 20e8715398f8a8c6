using KvStore.Demo;

namespace KvStore.Tests.Torture;

/// <summary>Two databases: the names of the second one's keys begin with its mark.</summary>
internal sealed partial class Oracle
{
    /// <summary>How many there are of them.</summary>
    public const int Databases = 2;

    private const string Mark = "second database: ";

    /// <summary>Which one commands work on.</summary>
    public int Selected { get; private set; }

    /// <summary>A key's name among <see cref="Entries"/>.</summary>
    public static string Name(int database, string key) => database == 0 ? key : Mark + key;

    /// <summary>Which database a name among <see cref="Entries"/> is of.</summary>
    public static int DatabaseOf(string name) => name.StartsWith(Mark, StringComparison.Ordinal) ? 1 : 0;

    private string Name(byte[] key) => Name(Selected, Text(key));

    private RespReply Select(byte[][] a)
    {
        Selected = (int)Number(a[1]);
        return Ok;
    }

    private RespReply Move(byte[][] a)
    {
        int to = (int)Number(a[2]);
        if (to == Selected)
        {
            return Error("ERR source and destination objects are the same");
        }

        string name = Name(to, Text(a[1]));
        if (Find(a[1]) is not { } entry || Entries.ContainsKey(name))
        {
            return Zero;
        }

        Entries[name] = entry;
        return Delete(a[1], One);
    }

    private RespReply CopyTo(int database, byte[][] a, bool replace)
    {
        if (database == Selected && a[1].AsSpan().SequenceEqual(a[2]))
        {
            return Error("ERR source and destination objects are the same");
        }

        int from = Selected;
        Entry? entry = Find(a[1]);
        Selected = database;
        RespReply reply = entry is null || (Find(a[2]) is not null && !replace) ? Zero : Put(a[2], entry, One);
        Selected = from;
        return reply;
    }
}
