using System.Buffers;
using GuestMemFs.Heap;
using GuestMemFs.Inspection;

namespace GuestMemFs.Tests.Collections;

/// <summary>Runs of bytes that records of a dictionary own, beside other collections in the same sorted map.</summary>
public sealed unsafe class NestedBytesTests
{
    [Fact]
    public void Random_ranges_of_neighbours_equal_plain_arrays_over_crashes_and_groups()
    {
        PlainSpace space = new(32 << 20);
        MemoryStream[] models = [new(), new(), new()];
        Random random = new(5);
        (PersistentHeap heap, NestedCollections nested) = Open(space);
        long[] ids = [.. models.Select(_ => nested.BeginBytes("owner"u8))];
        nested.Section(ids[2] + 1).Set("behind"u8, "all of them"u8);
        for (int i = 0; i < 1_500; i++)
        {
            int which = random.Next(ids.Length);
            if (random.Next(6) == 0)
            {
                using AtomicGroup group = heap.BeginAtomic();
                Change(random, nested.Bytes(ids[which]), Copy(models[which])); // and back
            }
            else
            {
                Change(random, nested.Bytes(ids[which]), models[which]);
            }

            if (i % 300 == 299)
            {
                PlainSpace crashed = space.Crash();
                space.Dispose();
                space = crashed;
                (heap, nested) = Open(space);
            }

            AssertSame(models[which], nested.Bytes(ids[which]));
        }

        Assert.All(ids, (id, index) => AssertSame(models[index], nested.Bytes(id)));
        Assert.Equal("all of them"u8.ToArray(), nested.Section(ids[2] + 1).Get("behind"u8));
        Assert.Empty(HeapVerifier.Verify(heap, TestContext.Current.CancellationToken));
        space.Dispose();
    }

    [Fact]
    public void Several_parts_are_written_together_or_not_at_all()
    {
        using PlainSpace space = new(2 << 20);
        (_, NestedCollections nested) = Open(space);
        PersistentBytes bytes = nested.Bytes(nested.BeginBytes("owner"u8));
        bytes.Write(0, new byte[100_000]);

        Assert.Throws<ArenaOutOfSpaceException>(() =>
            bytes.Write([(10, new byte[] { 1 }), (60_000, new byte[] { 2 }), (100_000, new byte[4 << 20])]));

        Assert.Equal(100_000, bytes.Length);
        Assert.Equal([0, 0], [ByteAt(bytes, 10), ByteAt(bytes, 60_000)]);
        bytes.Write([(10, new byte[] { 1 }), (60_000, new byte[] { 2 }), (11, new byte[] { 3 })]);
        Assert.Equal([1, 2, 3], [ByteAt(bytes, 10), ByteAt(bytes, 60_000), ByteAt(bytes, 11)]);
        Assert.Throws<ArgumentOutOfRangeException>(() => bytes.Write([(0, new byte[] { 9 }), (-1, new byte[] { 9 })]));
        Assert.Equal(0, ByteAt(bytes, 0));
    }

    [Fact]
    public void Holes_take_no_memory()
    {
        using PlainSpace space = new(4 << 20);
        (_, NestedCollections nested) = Open(space);
        PersistentBytes bytes = nested.Bytes(nested.BeginBytes("owner"u8));

        bytes.Write(1L << 40, "end"u8);

        Assert.Equal((1L << 40) + 3, bytes.Length);
        Assert.InRange(bytes.RecordBytes, 1, 20_000);
    }

    [Fact]
    public void A_library_that_does_not_know_them_refuses_the_heap()
    {
        using PlainSpace space = new(4 << 20);
        (_, NestedCollections nested) = Open(space);
        ulong* features = (ulong*)(space.Base + HeapFormat.IncompatOffset);
        nested.Begin("owner"u8);
        Assert.Equal(0ul, *features & HeapFormat.NestedBytes);

        nested.BeginBytes("owner"u8);

        Assert.Equal(HeapFormat.NestedBytes, *features & HeapFormat.NestedBytes);
    }

    private static (PersistentHeap Heap, NestedCollections Nested) Open(PlainSpace space)
    {
        PersistentHeap heap = PersistentHeap.Open(space);
        return (heap, NestedCollections.OpenOrCreate(heap, PersistentDictionary.OpenOrCreate(heap, "keys"), "nested"));
    }

    private static MemoryStream Copy(MemoryStream model)
    {
        MemoryStream copy = new();
        copy.Write(model.ToArray());
        return copy;
    }

    private static byte ByteAt(PersistentBytes bytes, long offset)
    {
        byte[] one = new byte[1];
        Assert.Equal(1, bytes.Read(offset, one));
        return one[0];
    }

    private static void Change(Random random, PersistentBytes bytes, MemoryStream model)
    {
        byte[] part = new byte[random.Next(random.Next(4) == 0 ? 50_000 : 300)];
        random.NextBytes(part);
        long offset = random.Next(100_000);
        switch (random.Next(5))
        {
            case 0 when model.Length < 100_000:
                Assert.Equal(model.Length, bytes.Append(part));
                offset = model.Length;
                break;
            case 1 when random.Next(8) == 0:
                bytes.SetLength(offset);
                model.SetLength(offset);
                return;
            default:
                bytes.Write(offset, part);
                break;
        }

        if (part.Length > 0)
        {
            model.Position = offset;
            model.Write(part);
        }
    }

    private static void AssertSame(MemoryStream model, PersistentBytes bytes)
    {
        Assert.Equal(model.Length, bytes.Length);
        ArrayBufferWriter<byte> all = new();
        bytes.Read(0, long.MaxValue, all);
        Assert.True(all.WrittenSpan.SequenceEqual(model.ToArray()), "the bytes differ");
    }
}
