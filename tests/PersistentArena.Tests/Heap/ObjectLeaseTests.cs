using System.Runtime.InteropServices;
using GuestMemFs.Inspection;

namespace GuestMemFs.Tests.Heap;

/// <summary>Readers among objects that are freed, and objects that nothing leads to.</summary>
public sealed class ObjectLeaseTests
{
    private static CancellationToken Cancellation => TestContext.Current.CancellationToken;

    [StructLayout(LayoutKind.Sequential)]
    private struct Node
    {
        public long Number;
        public Offset<Node> Next;
    }

    [Fact]
    public void What_is_freed_stays_as_it_was_until_the_leases_of_then_have_ended()
    {
        using PlainSpace space = new(4 << 20);
        PersistentHeap heap = PersistentHeap.Open(space);
        PersistentRoot<Offset<Node>> root = heap.OpenOrCreateRoot<Offset<Node>>("root");
        heap.Put(root.Value, new Node { Number = 1 });
        Offset<Node> first = root.Value;
        ObjectLease lease = heap.ProtectObjects();

        heap.Put(root.Value, new Node { Number = 2 });
        using (AtomicGroup group = heap.BeginAtomic())
        {
            heap.Put(root.Value, new Node { Number = 3 });
            group.Commit();
        }

        ObjectLease later = heap.ProtectObjects(); // of no use to what was freed before
        for (int i = 0; i < 1000; i++)
        {
            heap.Put(root.Value, new Node { Number = 4 });
            root.Set(root.Value);
        }

        Assert.Equal(1, heap.Read(first).Number);
        Assert.Throws<ArgumentException>(() => heap.Link(root.Value, first)); // it is free all along
        Assert.Empty(HeapVerifier.Verify(heap, Cancellation));
        later.Dispose();
        lease.Dispose();
        lease.Dispose();
        heap.Put(root.Value, new Node { Number = 5 });
        Assert.Throws<ArgumentException>(() => heap.Read(first).Number);
        Fill(heap, root); // what was kept is used again
        Assert.Null(HeapVerifier.Judge(heap, Cancellation).Unreached);
    }

    [Fact]
    public void Readers_that_follow_links_beside_a_writer_see_whole_objects()
    {
        using PlainSpace space = new(4 << 20);
        PersistentHeap heap = PersistentHeap.Open(space);
        PersistentRoot<Offset<Node>> root = heap.OpenOrCreateRoot<Offset<Node>>("root");
        heap.Put(root.Value, new Node { Number = 7 });
        using CancellationTokenSource stop = new();
        int seen = 0;
        Thread[] readers = [.. Enumerable.Range(0, 2).Select(_ => new Thread(() =>
        {
            while (!stop.IsCancellationRequested)
            {
                using ObjectLease lease = heap.ProtectObjects();
                Offset<Node> at = new(Volatile.Read(ref System.Runtime.CompilerServices.Unsafe.As<Offset<Node>, long>(
                    ref System.Runtime.CompilerServices.Unsafe.AsRef(in root.Value))));
                ref readonly Node node = ref heap.Read(at);
                long number = node.Number;
                Thread.Yield();
                if (number % 7 != 0 || node.Number != number)
                {
                    Interlocked.Exchange(ref seen, -1_000_000);
                }

                Interlocked.Increment(ref seen);
            }
        }))];
        Array.ForEach(readers, thread => thread.Start());

        for (int i = 1; i < 20_000 || Volatile.Read(ref seen) is >= 0 and < 100; i++)
        {
            heap.Put(root.Value, new Node { Number = 7L * i });
            if (i % 3 == 0)
            {
                using AtomicGroup group = heap.BeginAtomic();
                heap.Release(heap.Allocate(new Node { Number = 1 })); // what must not be seen
                group.Commit();
            }
        }

        stop.Cancel();
        Array.ForEach(readers, thread => thread.Join());
        Assert.True(seen > 0, $"{seen}");
    }

    [Fact]
    public void Objects_that_nothing_leads_to_are_counted()
    {
        using PlainSpace space = new(4 << 20);
        PersistentHeap heap = PersistentHeap.Open(space);
        PersistentRoot<Offset<Node>> root = heap.OpenOrCreateRoot<Offset<Node>>("root");
        PersistentDictionary dictionary = PersistentDictionary.OpenOrCreate(heap, "values");
        heap.Insert(root.Value, new Node { Number = 1 });
        heap.Insert(root.Value, new Node { Number = 2, Next = root.Value });
        Assert.Null(HeapVerifier.Judge(heap, Cancellation).Unreached);

        byte[] link = MemoryMarshal.AsBytes(new ReadOnlySpan<Offset<Node>>(in root.Value)).ToArray();
        heap.Link(root.Value, default); // both of them

        Assert.StartsWith("2 objects of 64 bytes are in use, and nothing leads to them: at ",
            HeapVerifier.Judge(heap, Cancellation).Unreached, StringComparison.Ordinal);
        dictionary.Set("a key of odd length"u8, link); // a value of a struct with a link
        Assert.Null(HeapVerifier.Judge(heap, Cancellation).Unreached);
        Assert.Empty(HeapVerifier.Verify(heap, Cancellation));
    }

    [Fact]
    public void A_heap_that_erases_protects_no_reader()
    {
        using PlainSpace space = new(4 << 20);
        PersistentHeap heap = PersistentHeap.Open(space, new HeapOptions { Erase = true });

        Assert.Throws<InvalidOperationException>(() => heap.ProtectObjects());
    }

    private static void Fill(PersistentHeap heap, PersistentRoot<Offset<Node>> root)
    {
        long before = heap.FrontierBytes;
        for (int i = 0; i < 1500; i++)
        {
            heap.Insert(root.Value, new Node { Next = root.Value });
        }

        Assert.Equal(before, heap.FrontierBytes);
    }
}
