using GuestMemFs.Inspection;

namespace GuestMemFs.Tests.Heap;

/// <summary>
/// The log of a group that has to grow for a call of many changes: what the group had changed before goes back as well.
/// </summary>
public sealed class GroupLogTests
{
    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public void Any_number_of_changes_before_a_call_of_many_goes_back(bool crashes)
    {
        foreach (int before in (int[])[0, 1, 2, 3, 41, 42, 43, 44]) // the first log has 42 entries
        {
            using PlainSpace space = new(8 << 20);
            (PersistentHeap heap, PersistentDictionary keys, PersistentBytes bytes) = Open(space);
            keys.Set([0], "as it was"u8);
            Thread thread = new(() =>
            {
                AtomicGroup group = heap.BeginAtomic();
                for (int i = 0; i < before; i++)
                {
                    keys.Set([(byte)i], "changed"u8);
                }

                bytes.Write(0, new byte[1 << 18]); // a change for each of its chunks
                if (!crashes)
                {
                    group.Dispose();
                }
            });
            thread.Start();
            thread.Join();

            using PlainSpace after = space.Crash();
            (heap, keys, bytes) = Open(after);
            Assert.Equal(1, keys.Count);
            Assert.Equal("as it was"u8.ToArray(), keys.Get([0]));
            Assert.Equal((0, 0), (bytes.Length, bytes.RecordBytes));
            Assert.Empty(HeapVerifier.Verify(heap, TestContext.Current.CancellationToken));
        }
    }

    private static (PersistentHeap Heap, PersistentDictionary Keys, PersistentBytes Bytes) Open(PlainSpace space)
    {
        PersistentHeap heap = PersistentHeap.Open(space);
        return (heap, PersistentDictionary.OpenOrCreate(heap, "keys"), PersistentBytes.OpenOrCreate(heap, "bytes"));
    }
}
