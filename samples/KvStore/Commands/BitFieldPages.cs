using GuestMemFs;
using KvStore.Engine;
using KvStore.Protocol;

namespace KvStore.Commands;

/// <summary>
/// What the operations of one BITFIELD make of a large string, before any of it is stored: the pages that they touch.
/// </summary>
internal sealed class BitFieldPages(Keyspace keyspace, byte[] key)
{
    private const int PageShift = 9;
    private const int PageLength = 1 << PageShift;

    private readonly SortedDictionary<long, byte[]> _pages = [];
    private readonly HashSet<long> _written = [];

    /// <summary>Does an operation on what those before it have left; null where it fails.</summary>
    public long? Run(in BitFieldOperation operation)
    {
        long from = operation.Offset >> 3;
        Span<byte> window = stackalloc byte[BitFieldOperation.MostBytes];
        window = window[..(int)((operation.LastBit >> 3) - from + 1)];
        Copy(from, window, toPages: false);
        long? result = (operation with { Offset = operation.Offset & 7 }).Run(window);
        Copy(from, window, toPages: operation.Kind != BitFieldKind.Get);
        return result;
    }

    /// <summary>What is to be written, up to the end that the string will have.</summary>
    public (long Offset, ReadOnlyMemory<byte> Bytes)[] Parts(long length) =>
        [.. _pages.Where(it => _written.Contains(it.Key)).Select(it => (
            it.Key << PageShift,
            (ReadOnlyMemory<byte>)it.Value.AsMemory(0, (int)Math.Min(PageLength, length - (it.Key << PageShift)))))];

    private void Copy(long from, Span<byte> window, bool toPages)
    {
        for (int i = 0; i < window.Length; i++)
        {
            long at = from + i;
            ref byte there = ref Page(at >> PageShift)[at & (PageLength - 1)];
            if (toPages)
            {
                there = window[i];
                _written.Add(at >> PageShift);
            }
            else
            {
                window[i] = there;
            }
        }
    }

    private byte[] Page(long number)
    {
        if (!_pages.TryGetValue(number, out byte[]? page))
        {
            page = new byte[PageLength];
            PageReader reader = new(keyspace, number << PageShift, page);
            keyspace.Keys.TryRead(key, ref reader);
            _pages.Add(number, page);
        }

        return page;
    }

    private readonly struct PageReader(Keyspace keyspace, long from, byte[] page) : IRecordReader
    {
        public void Read(in RecordView record)
        {
            Span<byte> scratch = stackalloc byte[Numbers.MaxIntegerLength];
            StringValue.Of(record, keyspace, scratch).CopyTo(from, page);
        }
    }
}
