using System.Runtime.InteropServices;
using GuestMemFs.Collections;
using GuestMemFs.Heap;

namespace GuestMemFs.Tests.Heap;

public sealed class ObjectTests
{
    [StructLayout(LayoutKind.Sequential)]
    private struct Node
    {
        public long Number;
        public Offset<Node> Next;
        public Offset<byte> Text;
    }

    [StructLayout(LayoutKind.Sequential)]
    private struct OtherNode
    {
        public long Number;
        public Offset<byte> Text;
        public Offset<OtherNode> Next;
    }

    // Declared otherwise than it lies.
    [StructLayout(LayoutKind.Explicit)]
    private struct Overlaid
    {
        [FieldOffset(8)]
        public long High;
        [FieldOffset(0)]
        public int Low;
        [FieldOffset(0)]
        public ulong All;
    }

    [Fact]
    public void An_object_may_have_no_bytes()
    {
        using PlainSpace space = new(8 << 20);
        PersistentHeap heap = PersistentHeap.Open(space);
        PersistentRoot<Node> root = heap.OpenOrCreateRoot<Node>("root");

        heap.PutBytes(root.Value.Text, []);

        Assert.False(root.Value.Text.IsNone);
        Assert.Empty(heap.ReadBytes(root.Value.Text).ToArray());
    }

    [Fact]
    public void A_list_of_objects_is_there_after_a_crash()
    {
        using PlainSpace space = new(8 << 20);
        PersistentHeap heap = PersistentHeap.Open(space);
        PersistentRoot<Node> root = heap.OpenOrCreateRoot("list", new Node { Number = 1 });
        heap.PutBytes(root.Value.Text, "first"u8);
        heap.Put(root.Value.Next, new Node { Number = 2 });
        heap.PutBytes(heap.Read(root.Value.Next).Text, new byte[3_000_000]);
        heap.PutBytes(heap.Read(root.Value.Next).Text, "second"u8);

        using PlainSpace crashed = space.Crash();
        PersistentHeap again = PersistentHeap.Open(crashed);
        PersistentRoot<Node> found = again.OpenOrCreateRoot<Node>("list");
        Assert.Equal(1, found.Value.Number);
        Assert.Equal("first"u8.ToArray(), again.ReadBytes(found.Value.Text).ToArray());
        Assert.Equal(2, again.Read(found.Value.Next).Number);
        Assert.Equal("second"u8.ToArray(), again.ReadBytes(again.Read(found.Value.Next).Text).ToArray());
        again.Free(again.Read(found.Value.Next).Text);
        again.Free(found.Value.Next);
        Assert.True(found.Value.Next.IsNone);
        Assert.Equal(["list"], again.Roots);
    }

    [Fact]
    public void Objects_come_in_front_and_go_from_between_with_one_store()
    {
        using PlainSpace space = new(4 << 20);
        PersistentHeap heap = PersistentHeap.Open(space);
        ref readonly Offset<Node> head = ref heap.OpenOrCreateRoot<Node>("list").Value.Next;
        for (int i = 1; i <= 3; i++)
        {
            heap.Insert(head, new Node { Number = i, Next = head });
        }

        Assert.Equal([3, 2, 1], Numbers(heap, head));
        heap.Remove(heap.Read(head).Next, heap.Read(heap.Read(head).Next).Next);
        Assert.Equal([3, 1], Numbers(heap, head));
        heap.Remove(head, heap.Read(head).Next);
        heap.Remove(head, default);

        Assert.True(head.IsNone);
        using PlainSpace crashed = space.Crash();
        Assert.Equal(2, HeapBlocks.Find(crashed).Count); // the root's object, and its shape
    }

    [Fact]
    public void A_graph_changes_in_a_group_or_not_at_all()
    {
        using PlainSpace space = new(4 << 20);
        PersistentHeap heap = PersistentHeap.Open(space);
        PersistentRoot<Node> root = heap.OpenOrCreateRoot<Node>("graph");
        heap.Insert(root.Value.Next, new Node { Number = 1 });
        int before = HeapBlocks.Find(space).Count;
        using (heap.BeginAtomic())
        {
            Offset<Node> circle = heap.Allocate(new Node { Number = 2, Next = root.Value.Next });
            Offset<byte> text = heap.AllocateBytes("text"u8);
            heap.Link(heap.Read(circle).Text, text);
            heap.Link(heap.Read(root.Value.Next).Next, circle);
            heap.Release(root.Value.Next);
            Assert.Equal("text"u8.ToArray(), heap.ReadBytes(heap.Read(circle).Text).ToArray());
        }

        Assert.Equal([1], Numbers(heap, root.Value.Next));
        Assert.Equal(before + 1, HeapBlocks.Find(space).Count); // and the group's log
    }

    [Fact]
    public void Links_that_cannot_be_are_refused_and_change_nothing()
    {
        using PlainSpace space = new(4 << 20);
        PersistentHeap heap = PersistentHeap.Open(space);
        PersistentRoot<Node> root = heap.OpenOrCreateRoot<Node>("list");
        long rootObject = new HeapRoots(space).All()[0].Offset;
        Assert.Throws<ArgumentException>(() => heap.Remove(root.Value.Next, default)); // nothing to remove
        heap.Insert(root.Value.Next, new Node { Number = 1 });
        heap.PutBytes(root.Value.Text, new byte[100]);

        Assert.Throws<ArgumentException>(() => heap.Remove(root.Value.Next, root.Value.Next)); // would be freed
        Assert.Throws<ArgumentException>(() => heap.Link(root.Value.Next, new Offset<Node>(root.Value.Text.Value)));
        Assert.Throws<ArgumentException>(() => heap.Link(root.Value.Next, new Offset<Node>(1 << 20)));
        Assert.Throws<ArgumentException>(() => heap.Link(root.Value.Next, new Offset<Node>(rootObject)));
        Assert.Throws<ArgumentException>(() => heap.Link(new Offset<Node>(1), default)); // a copy, not a field
        Assert.Contains("needs an atomic group",
            Assert.Throws<AtomicGroupException>(() => heap.Allocate(new Node())).Message, StringComparison.Ordinal);
        Assert.Throws<AtomicGroupException>(() => heap.Release(root.Value.Next));

        Assert.Equal([1], Numbers(heap, root.Value.Next));
    }

    private static IEnumerable<long> Numbers(PersistentHeap heap, Offset<Node> first)
    {
        List<long> numbers = [];
        for (Offset<Node> at = first; !at.IsNone; at = heap.Read(at).Next)
        {
            numbers.Add(heap.Read(at).Number);
        }

        return numbers;
    }

    [Fact]
    public void A_root_is_replaced_whole()
    {
        using PlainSpace space = new(4 << 20);
        PersistentHeap heap = PersistentHeap.Open(space);
        PersistentRoot<Node> root = heap.OpenOrCreateRoot<Node>("root");
        for (int i = 0; i < 100_000; i++)
        {
            root.Set(new Node { Number = i });
        }

        Assert.Equal(99_999, root.Value.Number);
    }

    [Fact]
    public void Another_layout_and_a_foreign_field_are_refused()
    {
        using PlainSpace space = new(4 << 20);
        PersistentHeap heap = PersistentHeap.Open(space);
        heap.OpenOrCreateRoot<Node>("list");
        Assert.Throws<HeapLayoutException>(() => heap.OpenOrCreateRoot<OtherNode>("list"));
        Node local = default;
        Assert.Throws<ArgumentException>(() => heap.Put(local.Next, new Node()));
        Assert.Throws<ArgumentException>(() => heap.Read(new Offset<Node>(1 << 20)).Number);
        Assert.Throws<ArgumentException>(() => heap.OpenOrCreateRoot<long>(new string('x', 32)));
    }

    // What 0.1 wrote into arenas: a root of these types opens as long as the numbers are these.
    [Fact]
    public void The_layout_hash_of_a_type_stays_what_it_was()
    {
        Assert.Equal("3CE48C70C3C41D64 0CB33AB34F4E7AB1 B9AC7F1BFA26BA39",
            $"{LayoutHash.Of<Node>():X16} {LayoutHash.Of<OtherNode>():X16} {LayoutHash.Of<Overlaid>():X16}");
    }

    [Fact]
    [Trait("speed", "slow")]
    public void An_object_of_512_megabytes_is_stored_and_freed()
    {
        using PlainSpace space = new(1200L << 20);
        PersistentHeap heap = PersistentHeap.Open(space);
        PersistentRoot<Node> root = heap.OpenOrCreateRoot<Node>("root");
        byte[] large = new byte[512 << 20];
        large[^1] = 7;
        heap.PutBytes(root.Value.Text, large);
        heap.PutBytes(root.Value.Text, large);
        Assert.Equal(512 << 20, heap.ReadBytes(root.Value.Text).Length);
        Assert.Equal(7, heap.ReadBytes(root.Value.Text)[^1]);
        heap.Free(root.Value.Text);
        Assert.Empty(heap.ReadBytes(root.Value.Text).ToArray());
    }

    [Fact]
    public unsafe void A_root_in_the_heaps_last_block_is_found_again()
    {
        using PlainSpace space = new((4 << 20) + (64 << 10)); // so that its last page is one of records
        PersistentHeap heap = PersistentHeap.Open(space);
        PersistentRoot<Offset<byte>> root = heap.OpenOrCreateRoot<Offset<byte>>("root");
        PersistentDictionary dictionary = PersistentDictionary.OpenOrCreate(heap, "keys");
        using (AtomicGroup first = heap.BeginAtomic())
        {
            root.Set(default);
            first.Commit();
        }

        FillUp(dictionary, inGroups: false);
        FillUp(dictionary, inGroups: true); // groups may take the page that is kept for emergencies
        long last = HeapBlocks.Find(space).Keys.Max();
        Assert.True(space.Length - last < 64, $"the last block is {space.Length - last} bytes from the end");
        dictionary.Remove(RecordFormat.Key(space.Base + last, *(ulong*)(space.Base + last)).ToArray());
        using (AtomicGroup group = heap.BeginAtomic())
        {
            root.Set(default);
            group.Commit();
        }

        using PlainSpace crashed = space.Crash();
        PersistentHeap again = PersistentHeap.Open(crashed);
        Assert.Contains(last, new HeapRoots(crashed).All().Select(found => found.Offset));
        Assert.True(again.OpenOrCreateRoot<Offset<byte>>("root").Value.IsNone);
        again.OpenOrCreateRoot<Offset<byte>>("root").Set(default);
        using PlainSpace other = space.Crash();
        Assert.True(PersistentHeap.Open(other).DeleteRoot("root"));
    }

    // Records of the size of a root of 8 bytes.
    private static void FillUp(PersistentDictionary dictionary, bool inGroups)
    {
        Span<byte> key = stackalloc byte[5];
        try
        {
            for (int i = 0; ; i++)
            {
                System.Buffers.Binary.BinaryPrimitives.WriteInt32LittleEndian(key, i);
                key[4] = inGroups ? (byte)1 : (byte)0;
                if (inGroups)
                {
                    using AtomicGroup group = dictionary.BeginAtomic();
                    dictionary.Set(key, default);
                    group.Commit();
                }
                else
                {
                    dictionary.Set(key, default);
                }
            }
        }
        catch (ArenaOutOfSpaceException)
        {
            // As it was meant.
        }
    }
}
