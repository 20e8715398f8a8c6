using System.Text;
using KvStore.Demo;

namespace KvStore.Tests.Torture;

/// <summary>
/// What Redis would answer and hold: a second, naive implementation of every write command over a plain dictionary. It
/// is proved against redis-server itself (<c>OracleTests</c>), and then judges KvStore, while it runs and after it was
/// killed.
/// </summary>
internal sealed partial class Oracle
{
    private const string NotAnInteger = "ERR value is not an integer or out of range";

    public Oracle(IReadOnlyDictionary<string, Entry>? entries = null, int selected = 0)
    {
        Entries = entries is null ? [] : new Dictionary<string, Entry>(entries);
        Selected = selected;
    }

    public Dictionary<string, Entry> Entries { get; }

    /// <summary>
    /// Executes a command that the server executed (or will have) at some time within <paramref name="now"/>.
    /// </summary>
    public RespReply Execute(Command command, Instant now)
    {
        byte[][] a = command.Arguments;
        switch (command.Name)
        {
            case "GET": return Value(Find(a[1]));
            case "SET": return Set(a, now);
            case "SETNX": return Find(a[1]) is null ? Put(a[1], new Entry(a[2]), One) : Zero;
            case "SETEX": return Put(a[1], new Entry(a[3], now.Plus(Number(a[2]) * 1000)), Ok);
            case "PSETEX": return Put(a[1], new Entry(a[3], now.Plus(Number(a[2]))), Ok);
            case "GETSET": return Put(a[1], new Entry(a[2]), Value(Find(a[1])));
            case "GETDEL": return Delete(a[1], Value(Find(a[1])));
            case "GETEX": return GetEx(a, now);
            case "APPEND": return Append(a[1], a[2]);
            case "SETRANGE": return SetRange(a[1], (int)Number(a[2]), a[3]);
            case "SETBIT": return SetBit(a[1], (int)Number(a[2]), a[3][0] == (byte)'1');
            case "STRLEN": return Integer(Find(a[1])?.Value.Length ?? 0);
            case "INCR": return Increment(a[1], 1);
            case "DECR": return Increment(a[1], -1);
            case "INCRBY": return Increment(a[1], Number(a[2]));
            case "DECRBY": return Increment(a[1], -Number(a[2]));
            case "INCRBYFLOAT": return IncrementFloat(a[1], a[2]);
            case "MGET": return new RespReply(RespKind.Array, Items: [.. a[1..].Select(key => Value(Find(key)))]);
            case "MSET": return SetMany(a);
            case "MSETNX": return SetManyIfNone(a);
            case "EXISTS": return Integer(a[1..].Count(key => Find(key) is not null));
            case "DEL" or "UNLINK": return Integer(a[1..].Count(key => Entries.Remove(Name(key))));
            case "RENAME": return Rename(a[1], a[2], onlyIfNone: false);
            case "RENAMENX": return Rename(a[1], a[2], onlyIfNone: true);
            case "COPY": return Copy(a);
            case "MOVE": return Move(a);
            case "RESTORE": return Restore(a, now);
            case "SELECT": return Select(a);
            case "BITOP": return BitOperation(a);
            case "BITFIELD": return BitField(a);
            case "PERSIST": return Persist(a[1]);
            case "EXPIRE": return Expire(a, now.Plus(Number(a[2]) * 1000), now);
            case "PEXPIRE": return Expire(a, now.Plus(Number(a[2])), now);
            case "EXPIREAT": return Expire(a, Instant.Exactly(Number(a[2]) * 1000), now);
            case "PEXPIREAT": return Expire(a, Instant.Exactly(Number(a[2])), now);
            case "FLUSHDB" or "FLUSHALL":
                Entries.Clear();
                return Ok;
            default: throw new NotSupportedException($"The oracle does not know {command}.");
        }
    }

    private static RespReply Ok { get; } = new(RespKind.Simple, "OK"u8.ToArray());

    private static RespReply Zero { get; } = Integer(0);

    private static RespReply One { get; } = Integer(1);

    private static RespReply Integer(long number) => new(RespKind.Integer, Integer: number);

    private static RespReply Bulk(byte[] bytes) => new(RespKind.Bulk, bytes);

    private static RespReply Value(Entry? entry) => entry is null ? RespReply.Null : Bulk(entry.Value);

    private static RespReply Error(string text) => new(RespKind.Error, Encoding.ASCII.GetBytes(text));

    private static string Text(byte[] bytes) => Encoding.ASCII.GetString(bytes);

    private static long Number(byte[] bytes) =>
        long.Parse(Text(bytes), System.Globalization.CultureInfo.InvariantCulture);

    private Entry? Find(byte[] key) => Entries.GetValueOrDefault(Name(key));

    private RespReply Put(byte[] key, Entry entry, RespReply reply)
    {
        Entries[Name(key)] = entry;
        return reply;
    }

    private RespReply Delete(byte[] key, RespReply reply)
    {
        Entries.Remove(Name(key));
        return reply;
    }
}
