using GuestMemFs.Collections;
using GuestMemFs.Heap;
using GuestMemFs.Inspection;

namespace GuestMemFs.Tests.Inspection;

/// <summary>The deep check looks at every bit of a bucket and of an overflow block: tags, empty slots, links.</summary>
public sealed unsafe class BucketCheckTests
{
    [Fact]
    public void Every_changed_bit_of_every_slot_is_found()
    {
        using PlainSpace space = new(8 << 20);
        PersistentHeap heap = PersistentHeap.Open(space);
        PersistentDictionary keys = PersistentDictionary.OpenOrCreate(heap, "keys");
        ulong home = keys.Core.State.Hash("0"u8) % Table.InitialBuckets;
        int sameBucket = 0;
        for (int i = 0; sameBucket < 9; i++)
        {
            byte[] key = BitConverter.GetBytes(i);
            if (keys.Core.State.Hash(key) % Table.InitialBuckets == home)
            {
                keys.Set(key, "value"u8); // seven slots and an overflow block
                sameBucket++;
            }
        }

        ulong* overflow = (ulong*)heap.At(HeapBlocks.Find(space).Keys.Single(
            block => BlockHeader.TypeOf(*(ulong*)heap.At(block)) == BlockHeader.TypeOverflow));
        ulong* bucket = BucketThatLinksTo(heap, (byte*)overflow - heap.At(0));
        Assert.Empty(Problems(heap));
        AssertFound(heap, bucket);
        AssertFound(heap, overflow + 1);
        AssertFound(heap, bucket + (Table.BucketLength / sizeof(ulong))); // its neighbour is empty
        Assert.Empty(Problems(heap));
    }

    private static void AssertFound(PersistentHeap heap, ulong* slots)
    {
        for (int bit = 0; bit < Slot.PerNode * 64; bit++)
        {
            slots[bit / 64] ^= 1UL << (bit % 64);
            Assert.True(Problems(heap).Count > 0, $"bit {bit % 64} of slot {bit / 64}, 0x{slots[bit / 64]:X16}");
            slots[bit / 64] ^= 1UL << (bit % 64);
        }
    }

    private static ulong* BucketThatLinksTo(PersistentHeap heap, long block)
    {
        ulong* word = (ulong*)heap.At(HeapFormat.FirstPage << HeapFormat.PageShift);
        while (*word != Slot.Link(block))
        {
            word++;
        }

        return word - Slot.Last;
    }

    private static IReadOnlyList<string> Problems(PersistentHeap heap) =>
        HeapVerifier.Verify(heap, TestContext.Current.CancellationToken);
}
