using System.Buffers;
using System.IO.Hashing;

namespace GuestMemFs.Caching;

/// <summary>
/// Makes room: of a few entries at random, the one that was used least of late goes; one that has expired goes first.
/// </summary>
/// <remarks>Thread-safe. Memory and time do not hang on the number of entries.</remarks>
internal sealed class CacheEviction(PersistentDictionary entries, UseCounts uses, TimeProvider time)
{
    private const int Samples = 8;

    /// <summary>The hash by which uses are counted.</summary>
    public static ulong Hash(ReadOnlySpan<byte> key) => XxHash3.HashToUInt64(key);

    /// <summary>
    /// Removes entries until they had that many bytes; gives how many went, 0 where there is none to remove.
    /// </summary>
    public int Free(long bytes)
    {
        byte[] key = ArrayPool<byte>.Shared.Rent(PersistentDictionary.MaximumKeyLength);
        int removed = 0;
        try
        {
            for (long freed = 0; freed < bytes;)
            {
                var choice = new Choice(key, uses, time.GetUtcNow().ToUnixTimeMilliseconds());
                for (int i = 0; i < Samples && entries.TryVisitRandom(ref choice); i++)
                {
                }

                if (!choice.IsMade)
                {
                    break;
                }

                var take = default(TakeOut);
                entries.Mutate(choice.Key, ref take);
                freed += take.Bytes; // None where another thread was first: that is room too.
                removed += take.Bytes > 0 ? 1 : 0;
            }
        }
        finally
        {
            ArrayPool<byte>.Shared.Return(key);
        }

        return removed;
    }

    private ref struct Choice(byte[] buffer, UseCounts uses, long now) : IRecordVisitor
    {
        private int _length = -1;
        private int _uses;

        public readonly bool IsMade => _length >= 0;

        public readonly ReadOnlySpan<byte> Key => buffer.AsSpan(0, _length);

        public void Visit(in RecordView record)
        {
            bool expired = record.ExpiresAt != RecordView.NoExpiry && record.ExpiresAt <= now;
            int used = expired ? -1 : uses.Of(Hash(record.Key));
            if (IsMade && used >= _uses)
            {
                return;
            }

            record.Key.CopyTo(buffer);
            (_length, _uses) = (record.Key.Length, used);
        }
    }
}
