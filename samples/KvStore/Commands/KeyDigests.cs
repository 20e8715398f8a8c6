using System.Security.Cryptography;
using GuestMemFs;
using KvStore.Engine;
using KvStore.Memory;
using KvStore.Protocol;
using KvStore.Rdb;

namespace KvStore.Commands;

/// <summary>
/// DEBUG DIGEST and DIGEST-VALUE: whether two keys, or the store now and then, have the same. The digests are not
/// Redis's: each is of what DUMP writes.
/// </summary>
internal static class KeyDigests
{
    private const int BucketsAtATime = 64;

    /// <summary>As long as those of Redis, for tools that show them.</summary>
    private const int Length = 20;

    /// <summary>One of all keys of all databases: their order changes nothing.</summary>
    public static void OfAll(in Call call)
    {
        byte[] sum = new byte[Length];
        int selected = call.Engine.Databases.Selected.Number;
        foreach (Database database in call.Engine.Databases.Made)
        {
            call.Engine.Databases.Select(database.Number);
            var names = new Names();
            ulong cursor = 0;
            do
            {
                cursor = database.Keys.Scan(cursor, BucketsAtATime, ref names);
            }
            while (cursor != 0);

            foreach (byte[] key in names.All)
            {
                AddKey(call.Engine, database.Number, key, sum);
            }
        }

        call.Engine.Databases.Select(selected);
        call.Reply.Simple(System.Text.Encoding.ASCII.GetBytes(Convert.ToHexStringLower(sum)));
    }

    /// <summary>One for each key that is named; zeros where it is not there.</summary>
    public static void OfValues(in Call call)
    {
        call.Reply.Array(call.Args.Count - 2);
        for (int i = 2; i < call.Args.Count; i++)
        {
            byte[] digest = OfValue(call.Engine, call.Args[i]) ?? new byte[Length];
            call.Reply.Simple(System.Text.Encoding.ASCII.GetBytes(Convert.ToHexStringLower(digest)));
        }
    }

    private static void AddKey(KvEngine engine, int database, byte[] key, byte[] sum)
    {
        if (OfValue(engine, key) is not { } value)
        {
            return; // it has expired
        }

        byte[] digest = Hash([(byte)database, .. Hash(key), .. value]);
        for (int i = 0; i < sum.Length; i++)
        {
            sum[i] ^= digest[i];
        }
    }

    private static byte[] Hash(ReadOnlySpan<byte> bytes) => SHA256.HashData(bytes)[..Length];

    private static byte[]? OfValue(KvEngine engine, ReadOnlySpan<byte> key)
    {
        using var bytes = new GrowingBuffer();
        return new ObjectDump(engine, new RdbOutput(bytes)).TryWrite(key) ? Hash(bytes.Span) : null;
    }

    // A key that the table's growth shows twice counts once: else it would not count at all.
    private readonly struct Names() : IRecordVisitor
    {
        public HashSet<byte[]> All { get; } = new(ByteKeys.Instance);

        public void Visit(in RecordView record) => All.Add(record.Key.ToArray());
    }
}
