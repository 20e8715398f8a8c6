using System.Collections.Concurrent;
using GuestMemFs.Tests.Hosting;

namespace GuestMemFs.Tests.Heap;

/// <summary>
/// A region or an arena disposed of beside threads that use it: they end with an exception of a type, the process with
/// none, and nothing acknowledged is lost.
/// </summary>
public sealed class DisposedUnderUsersTests
{
    private const int Keys = 2000;

    [Theory]
    [InlineData(true, ArenaAccess.ReadWrite)]
    [InlineData(false, ArenaAccess.ReadWrite)]
    [InlineData(true, ArenaAccess.ReadOnly)]
    [Trait("speed", "slow")]
    public void Users_of_a_region_end_with_ObjectDisposedException(bool regionFirst, ArenaAccess access)
    {
        using var directory = new ArenaDirectory();
        Make(directory);
        for (int round = 0; round < 10; round++)
        {
            PersistentArena arena = PersistentArena.Open(
                new ArenaOptions { Directory = directory["arena"], Access = access });
            PersistentRegion region = arena.OpenRegion("heap");
            PersistentDictionary dictionary = PersistentDictionary.OpenOrCreate(PersistentHeap.Open(region), "d");
            using var users = new Users(dictionary, writers: access == ArenaAccess.ReadWrite ? 2 : 0);

            if (!regionFirst)
            {
                arena.Dispose();
            }

            region.Dispose();
            arena.Dispose();

            Exception[] ends = users.Join();
            Assert.All(ends, end => Assert.IsType<ObjectDisposedException>(end));
            Assert.Throws<ObjectDisposedException>(() => dictionary.Count);
            Assert.Throws<ObjectDisposedException>(() => dictionary.Set("k0"u8, "late"u8));
            Assert.Throws<ObjectDisposedException>(() => dictionary.Get("absent"u8));
            CheckAcknowledged(directory, users);
        }
    }

    [Fact]
    public void Spans_of_a_region_that_is_gone_read_zeros_and_keep_the_process_alive()
    {
        using var directory = new ArenaDirectory();
        using PersistentArena arena = PersistentArena.Create(new ArenaOptions { Directory = directory["arena"] });
        PersistentRegion region = arena.CreateRegion("raw", 4 << 20);
        Span<byte> span = region.AsSpan(0, 4 << 20);
        span.Fill(7);

        region.Dispose();

        Assert.Equal(-1, span.IndexOfAnyExcept((byte)0));
        span[100] = 1;
        using PersistentRegion again = arena.OpenRegion("raw");
        Assert.Equal(-1, again.AsSpan(0, 4 << 20).IndexOfAnyExcept((byte)7));
        GC.KeepAlive(region);
    }

    [Fact]
    public void Objects_of_a_region_that_is_gone_are_refused()
    {
        using var directory = new ArenaDirectory();
        using PersistentArena arena = PersistentArena.Create(new ArenaOptions { Directory = directory["arena"] });
        PersistentRegion region = arena.CreateRegion("heap", 8 << 20, new RegionOptions { Kind = RegionKind.Heap });
        PersistentHeap heap = PersistentHeap.Open(region);
        PersistentRoot<Offset<byte>> root = heap.OpenOrCreateRoot<Offset<byte>>("root");
        heap.PutBytes(root.Value, "text"u8);
        Offset<byte> text = root.Value;

        region.Dispose();

        Assert.Throws<ObjectDisposedException>(() => root.Value.IsNone);
        Assert.Throws<ObjectDisposedException>(() => heap.ReadBytes(text).Length);
        Assert.Throws<ObjectDisposedException>(() => root.Set(default));
    }

    [Fact]
    [Trait("speed", "slow")]
    public void Address_space_of_regions_that_are_gone_is_given_back()
    {
        using var directory = new ArenaDirectory();
        using PersistentArena arena = PersistentArena.Create(new ArenaOptions { Directory = directory["arena"] });
        arena.CreateRegion("raw", 4 << 20).Dispose();
        Collect();
        int before = File.ReadLines("/proc/self/maps").Count();
        for (int i = 0; i < 200; i++)
        {
            arena.OpenRegion("raw").Dispose();
        }

        Collect();

        // The runtime's own come and go.
        Assert.InRange(File.ReadLines("/proc/self/maps").Count() - before, -1000, 150);

        static void Collect()
        {
            GC.Collect();
            GC.WaitForPendingFinalizers();
        }
    }

    private static void Make(ArenaDirectory directory)
    {
        using PersistentArena arena = PersistentArena.Create(new ArenaOptions { Directory = directory["arena"] });
        using PersistentRegion region = arena.CreateRegion("heap", 32 << 20,
            new RegionOptions { Kind = RegionKind.Heap, Reserve = RegionReserve.OnDemand });
        PersistentDictionary dictionary = PersistentDictionary.OpenOrCreate(PersistentHeap.Open(region), "d");
        for (int i = 0; i < Keys; i++)
        {
            dictionary.Set(Key(i), BitConverter.GetBytes(0));
        }
    }

    private static void CheckAcknowledged(ArenaDirectory directory, Users users)
    {
        using PersistentArena arena = PersistentArena.Open(new ArenaOptions { Directory = directory["arena"] });
        using PersistentRegion region = arena.OpenRegion("heap");
        PersistentHeap heap = PersistentHeap.Open(region);
        PersistentDictionary dictionary = PersistentDictionary.OpenOrCreate(heap, "d");
        Assert.Equal(AttachKind.Warm, arena.AttachReport.Kind);
        Assert.Equal(Keys, dictionary.Count);
        Assert.Empty(GuestMemFs.Inspection.HeapVerifier.Verify(heap, TestContext.Current.CancellationToken));
        foreach ((int key, int value) in users.Acknowledged)
        {
            int found = BitConverter.ToInt32(dictionary.Get(Key(key)));
            Assert.True(found >= value, $"key {key}: {value} was acknowledged, {found} is there");
        }
    }

    private static byte[] Key(int i) => System.Text.Encoding.ASCII.GetBytes(FormattableString.Invariant($"k{i}"));

    /// <summary>Threads that read, scan and write until they are refused.</summary>
    private sealed class Users : IDisposable
    {
        private readonly ConcurrentBag<Exception> _ends = [];
        private readonly List<Thread> _threads = [];
        private int _ready;

        public Users(PersistentDictionary dictionary, int writers)
        {
            for (int n = 0; n < 3; n++)
            {
                int kind = n;
                Start(random =>
                {
                    if (kind < 2)
                    {
                        Assert.Equal(sizeof(int), dictionary.Get(Key(random.Next(Keys)))!.Length);
                    }
                    else
                    {
                        var count = new Counter();
                        dictionary.Scan(0, int.MaxValue, ref count);
                        Assert.Equal(Keys, count.Records);
                    }
                });
            }

            for (int n = 0; n < writers; n++)
            {
                int first = n;
                int value = 0;
                Start(random =>
                {
                    int key = (random.Next(Keys / 2) * 2) + first;
                    dictionary.Set(Key(key), BitConverter.GetBytes(++value));
                    Acknowledged[key] = value;
                });
            }

            Assert.True(SpinWait.SpinUntil(() => Volatile.Read(ref _ready) == _threads.Count,
                Patience.Limit));
        }

        public ConcurrentDictionary<int, int> Acknowledged { get; } = [];

        public Exception[] Join()
        {
            Assert.All(_threads, thread =>
                Assert.True(thread.Join(Patience.Limit), "a user goes on for ever"));
            return [.. _ends];
        }

        public void Dispose() => _threads.ForEach(thread => thread.Join());

        private void Start(Action<Random> use)
        {
            var random = new Random(_threads.Count);
            var thread = new Thread(() =>
            {
                try
                {
                    use(random);
                    Interlocked.Increment(ref _ready);
                    while (true)
                    {
                        use(random);
                    }
                }
                catch (Exception e)
                {
                    _ends.Add(e);
                }
            });
            thread.Start();
            _threads.Add(thread);
        }

        private struct Counter : IRecordVisitor
        {
            public int Records;

            public void Visit(in RecordView record) => Records++;
        }
    }
}
