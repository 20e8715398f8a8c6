using System.Text;
using GuestMemFs.Collections;
using GuestMemFs.Inspection;

namespace GuestMemFs.Tests.Collections;

/// <summary>Clearing beside everything else that changes a dictionary's table.</summary>
public sealed class ClearTests
{
    private const int Milliseconds = 1500;

    [Theory]
    [Trait("speed", "slow")]
    [InlineData(1)]
    [InlineData(2)]
    public void Clear_beside_writers_growth_and_collection_leaves_a_heap_in_order(int clearers)
    {
        using PlainSpace space = new(256 << 20);
        PersistentHeap heap = PersistentHeap.Open(space);
        PersistentDictionary dictionary = PersistentDictionary.OpenOrCreate(heap, "keys");
        long until = Environment.TickCount64 + Milliseconds;
        void Repeat(Action<int> action)
        {
            for (int i = 0; Environment.TickCount64 < until; i++)
            {
                action(i);
            }
        }

        Ended.All([
            .. Enumerable.Range(0, 3).Select<int, Action>(n => () => Repeat(i =>
            {
                byte[] key = Bytes($"{n}:{i}");
                dictionary.Set(key, key, i % 3 == 0 ? DateTimeOffset.UnixEpoch.AddDays(1) : null);
                Assert.True(dictionary.Get(key) is not { } value || value.AsSpan().SequenceEqual(key));
            })),
            .. Enumerable.Range(0, clearers).Select<int, Action>(_ => () => Repeat(_ =>
            {
                Thread.Sleep(5);
                dictionary.Clear();
            })),
            () => Repeat(_ => dictionary.CollectGarbage(100)),
            () => Repeat(_ => Assert.InRange(dictionary.RemoveExpired(200), 0, int.MaxValue)),
            () => Repeat(_ => Assert.InRange(dictionary.Count, 0, 100_000_000)),
            () => Repeat(_ =>
            {
                Whole whole = default;
                dictionary.Scan(0, 500, ref whole);
                dictionary.TryVisitRandom(ref whole);
            }),
        ]);

        while (!dictionary.CollectGarbage(int.MaxValue))
        {
        }

        Assert.Empty(HeapVerifier.Verify(heap, TestContext.Current.CancellationToken));
        using PlainSpace after = space.Crash();
        PersistentHeap again = PersistentHeap.Open(after);
        Assert.Equal(dictionary.Count, PersistentDictionary.OpenOrCreate(again, "keys").Count);
        Assert.Empty(HeapVerifier.Verify(again, TestContext.Current.CancellationToken));
    }

    [Fact]
    public void Clear_waits_for_the_change_of_any_key_that_is_under_way()
    {
        using PlainSpace space = new(8 << 20);
        PersistentDictionary dictionary = PersistentDictionary.OpenOrCreate(PersistentHeap.Open(space), "keys");
        using ManualResetEventSlim planning = new(), goOn = new();
        Thread writer = new(() =>
        {
            Blocked blocked = new(planning, goOn);
            dictionary.Mutate("k"u8, ref blocked);
        });
        writer.Start();
        Ended.Wait(planning);
        Thread clearer = new(dictionary.Clear);
        clearer.Start();

        bool cleared = clearer.Join(300);
        goOn.Set();
        writer.Join();
        clearer.Join();

        Assert.False(cleared);
        Assert.Equal(0, dictionary.Count);
        Assert.Null(dictionary.Get("k"u8));
    }

    private static byte[] Bytes(string text) => Encoding.UTF8.GetBytes(text);

    private struct Whole : IRecordVisitor
    {
        public readonly void Visit(in RecordView record) => Assert.True(record.Key.SequenceEqual(record.Value));
    }
}

/// <summary>A change that stops in its plan until it is told to go on.</summary>
internal readonly struct Blocked(ManualResetEventSlim planning, ManualResetEventSlim goOn) : IRecordMutation
{
    public RecordChange Decide(in RecordView current)
    {
        planning.Set();
        goOn.Wait();
        return RecordChange.Put(1);
    }

    public void Write(in RecordView current, Span<byte> value) => value.Fill((byte)'w');
}
