using System.Runtime.InteropServices;
using GuestMemFs.Format;
using GuestMemFs.Heap;
using GuestMemFs.Inspection;

namespace GuestMemFs.Tests.Heap;

/// <summary>The fields of a root are kept with it: said where they are others, and a way to convert it.</summary>
public sealed class RootShapeTests
{
    private static CancellationToken Cancellation => TestContext.Current.CancellationToken;

    [StructLayout(LayoutKind.Sequential)]
    private struct First
    {
        public Offset<long> Head;
        public int Count;
        public short Gone;
    }

    [StructLayout(LayoutKind.Sequential)]
    private struct Second
    {
        public Offset<long> Head;
        public long Count;
        public DateTimeKind New;
    }

    // In another order than it lies.
    [StructLayout(LayoutKind.Explicit, Size = 24)]
    private struct Placed
    {
        [FieldOffset(16)]
        public byte Last;
        [FieldOffset(8)]
        public Guid Middle;
        [FieldOffset(0)]
        public double Number;
    }

    [Fact]
    public void A_root_with_other_fields_is_refused_with_what_became_of_each()
    {
        using PlainSpace space = new(8 << 20);
        PersistentHeap.Open(space).OpenOrCreateRoot("root", new First { Count = 5 });
        using PlainSpace crashed = space.Crash();
        PersistentHeap heap = PersistentHeap.Open(crashed);

        HeapLayoutException refused =
            Assert.Throws<HeapLayoutException>(() => heap.OpenOrCreateRoot<Second>("root"));

        Assert.Equal(
        [
            "System.Int32 Count @8 is System.Int64 Count @8",
            "System.Int16 Gone @12 is gone",
            "System.DateTimeKind New @16 is new",
            "16 bytes are 24",
        ], refused.Differences);
        Assert.Contains("First { GuestMemFs.Offset`1[System.Int64] Head @0; System.Int32 Count @8; System.Int16 Gone "
            + "@12 } of 16 bytes", refused.Message, StringComparison.Ordinal);
        Assert.Contains("Second { ", refused.ExpectedShape, StringComparison.Ordinal);
        Assert.Equal(5, heap.OpenOrCreateRoot<First>("root").Value.Count);
    }

    [Fact]
    public void Places_of_fields_are_those_in_memory()
    {
        StructShape placed = StructShape.Of<Placed>();

        Assert.Equal(["Number 0", "Middle 8", "Last 16"], placed.Fields.Select(it => $"{it.Name} {it.Offset}"));
        Assert.Equal(placed.Text, StructShape.Parse(placed.Text)!.Text);
        Assert.Empty(placed.DifferencesTo(StructShape.Parse(placed.Text)!));
        Assert.Equal("Item3 0, Item2 8, Item1 10", string.Join(
            ", ", StructShape.Of<(bool, char, long)>().Fields.Select(it => $"{it.Name} {it.Offset}"))); // as .NET likes
    }

    [Fact]
    public void A_root_is_converted_once_and_what_was_open_of_it_is_refused()
    {
        using PlainSpace space = new(8 << 20);
        PersistentHeap heap = PersistentHeap.Open(space);
        PersistentRoot<First> old = heap.OpenOrCreateRoot("root", new First { Count = 5 });
        heap.Put(old.Value.Head, 77L);

        Assert.Throws<TimeZoneNotFoundException>(() => heap.MigrateRoot<First, Second>(
            "root", (in First _) => throw new TimeZoneNotFoundException()));
        Assert.Equal(5, old.Value.Count);
        Assert.True(heap.MigrateRoot("root", (in First it) => new Second { Head = it.Head, Count = it.Count }));
        Assert.False(heap.MigrateRoot("root", (in First it) => new Second { Head = it.Head }));
        Assert.False(heap.MigrateRoot("nothing", (in First it) => new Second { Head = it.Head }));

        Assert.Throws<RootDeletedException>(() => old.Value.Count);
        Assert.Throws<HeapLayoutException>(() => heap.MigrateRoot<First, long>("root", (in First _) => 0));
        PersistentRoot<Second> root = heap.OpenOrCreateRoot<Second>("root");
        Assert.Equal((5, 77), (root.Value.Count, heap.Read(root.Value.Head)));
        Assert.Equal(["root"], heap.Roots);
        Assert.Empty(HeapVerifier.Verify(heap, Cancellation));
        Assert.Null(HeapVerifier.Judge(heap, Cancellation).Unreached);
    }

    [Fact]
    public unsafe void A_root_of_an_older_library_gets_its_shape_when_it_is_opened()
    {
        using PlainSpace space = new(8 << 20);
        PersistentHeap heap = PersistentHeap.Open(space);
        heap.OpenOrCreateRoot("root", new First { Count = 5 });
        long word = HeapRoots.LifeOf(new HeapRoots(space).Find("root"u8, out _));
        *(ulong*)(space.Base + word) = 0; // it has no such word
        Assert.Empty(Assert.Throws<HeapLayoutException>(() => heap.OpenOrCreateRoot<Second>("root")).Differences);

        Assert.Equal(5, heap.OpenOrCreateRoot<First>("root").Value.Count);

        Assert.NotEmpty(Assert.Throws<HeapLayoutException>(() => heap.OpenOrCreateRoot<Second>("root")).Differences);
        Assert.Empty(HeapVerifier.Verify(heap, Cancellation));
        *(ulong*)(space.Base + word) ^= 2;
        Assert.Contains("where the shape of the root", Assert.Single(HeapVerifier.Verify(heap, Cancellation)),
            StringComparison.Ordinal);
    }

    [Fact]
    public unsafe void A_root_whose_layout_has_another_number_is_told_by_its_shape()
    {
        using PlainSpace space = new(8 << 20);
        PersistentHeap heap = PersistentHeap.Open(space);
        heap.OpenOrCreateRoot("root", new First { Count = 5 });
        HeapRoots roots = new(space);
        long slot = roots.Find("root"u8, out ulong layout);

        roots.Write(slot, "root"u8, layout + 1); // as of a program whose reflection lists fields in another order

        Assert.Equal(5, heap.OpenOrCreateRoot<First>("root").Value.Count);
        Assert.Throws<HeapLayoutException>(() => heap.OpenOrCreateRoot<Second>("root"));
    }
}
