using System.Buffers.Binary;
using System.Text;
using GuestMemFs.Tests.Infrastructure;

namespace GuestMemFs.Tests.Dumps;

/// <summary>A heap that is dumped while it is written: the copy is of one instant.</summary>
public sealed class HeapDumpTests(ITestOutputHelper output)
{
    private const int Writers = 3;
    private static readonly RegionOptions s_heap = new() { Kind = RegionKind.Heap, MaximumLength = 256 << 20 };
    private static readonly DumpOptions s_patient = new()
    {
        MaximumPause = TimeSpan.FromSeconds(20),
        Overwrite = true,
    };

    /// <summary>Kinds on which the kernel tells which pages change, or not, and both ways where it does.</summary>
    public static TheoryData<string, bool> Ways => new()
    {
        { "tmpfs", true }, { "tmpfs", false }, { "tmpfs-huge", true }, { "hugetlbfs", true }, { "memfd", true },
        { "directory", true },
    };

    [Theory]
    [Trait("speed", "slow")]
    [MemberData(nameof(Ways))]
    public void What_it_holds_is_the_heap_at_one_instant(string kind, bool tracked)
    {
        using TestMedium medium = TestMedia.Create(kind);
        using PersistentArena arena = PersistentArena.Create(new ArenaOptions { Medium = medium.Open() });
        using PersistentRegion region = arena.CreateRegion("data", 32 << 20, s_heap);
        PersistentHeap heap = PersistentHeap.Open(region);
        using TestMedium place = TestMedia.Create("tmpfs");
        using TestMedium elsewhere = TestMedia.Create("tmpfs");
        using PersistentArena other = PersistentArena.Create(new ArenaOptions { Medium = elsewhere.Open() });
        using History history = new(heap, Writers);
        for (int i = 0; i < 4; i++)
        {
            history.WaitForMore();
            long before = history.Now;
            string name = "copy" + i;
            using MemoryStream dump = new();
            DumpInfo info = RegionDump.Write(heap, dump, s_patient, tracked, Token);
            long after = history.Now;
            string file = Path.Combine(place.Directory!, name);
            File.WriteAllBytes(file, dump.ToArray());
            output.WriteLine($"{info.Copied} bytes, {info.FileLength} in the dump, {info.Pause.TotalMilliseconds} ms");
            DumpInfo restored = RegionDump.Restore(file, other, new RestoreOptions { Region = name }, Token);
            Assert.Equal(info with { Taken = restored.Taken, Pause = restored.Pause }, restored);
            if (i == 1)
            {
                region.Grow(region.Length + (16 << 20)); // what is added later is not what is tracked
            }

            using PersistentRegion copy = other.OpenRegion(name);
            history.Check(PersistentHeap.Open(copy), before, after);
        }

        history.Stop();
        other.Dispose();
        Assert.Empty(Verified(elsewhere));
    }

    [Fact]
    [Trait("speed", "slow")]
    public void A_region_that_grows_meanwhile_is_whole_in_the_dump()
    {
        using TestMedium medium = TestMedia.Create("tmpfs");
        using PersistentArena arena = PersistentArena.Create(new ArenaOptions { Medium = medium.Open() });
        using PersistentRegion region = arena.CreateRegion("data", 4 << 20, s_heap);
        PersistentHeap heap = PersistentHeap.Open(region);
        PersistentDictionary keys = PersistentDictionary.OpenOrCreate(heap, "keys");
        keys.Set("first"u8, [.. Enumerable.Repeat((byte)1, 2 << 20)]);
        Busy to = new(write =>
        {
            if (write == 2)
            {
                region.Grow(24 << 20);
                keys.Set("second"u8, [.. Enumerable.Repeat((byte)2, 16 << 20)]);
            }
        });
        DumpInfo info = RegionDump.Write(heap, to, s_patient, Token);
        Assert.Equal(24 << 20, info.Length);
        string file = Path.Combine(medium.Directory!, "dump");
        File.WriteAllBytes(file, to.ToArray());
        RegionDump.Restore(file, arena, new RestoreOptions { Region = "copy" }, Token);
        using PersistentRegion copy = arena.OpenRegion("copy");
        PersistentDictionary copied = PersistentDictionary.OpenOrCreate(PersistentHeap.Open(copy), "keys");
        Assert.Equal(2, copied.Count);
        Assert.Equal(keys.Get("second"u8)!, copied.Get("second"u8)!);
    }

    [Fact]
    public void Where_writers_would_wait_for_too_long_there_is_no_dump_and_the_limit_is_named()
    {
        using TestMedium medium = TestMedia.Create("tmpfs");
        using PersistentArena arena = PersistentArena.Create(new ArenaOptions { Medium = medium.Open() });
        using PersistentRegion region = arena.CreateRegion("data", 32 << 20, s_heap);
        PersistentHeap heap = PersistentHeap.Open(region);
        PersistentDictionary.OpenOrCreate(heap, "keys").Set("key"u8, new byte[20 << 20]);
        DumpPauseException refused = Assert.Throws<DumpPauseException>(() => RegionDump.Write(heap, Stream.Null,
            new DumpOptions { MaximumPause = TimeSpan.FromMilliseconds(1) }, tracked: false, Token));
        Assert.Equal(ReasonCodes.DumpPause, refused.ReasonCode);
        Assert.True(refused.Expected > refused.Allowed, refused.Message);
        Assert.Contains("MaximumPause", refused.Message, StringComparison.Ordinal);
        Busy busy = new(write => Dirty(heap, write));
        DumpOptions impatient = new() { MaximumPause = TimeSpan.Zero };
        Assert.Throws<DumpPauseException>(() => RegionDump.Write(heap, busy, impatient, Token));
        RegionDump.Write(heap, Stream.Null, s_patient, Token);
    }

    [Fact]
    public void One_dump_of_a_heap_at_a_time_none_in_a_group_and_none_of_a_reader()
    {
        using TestMedium medium = TestMedia.Create("tmpfs");
        using PersistentArena arena = PersistentArena.Create(new ArenaOptions { Medium = medium.Open() });
        using PersistentRegion region = arena.CreateRegion("data", 16 << 20, s_heap);
        PersistentHeap heap = PersistentHeap.Open(region);
        int refused = 0;
        Busy to = new(write =>
        {
            Assert.Throws<DumpUnderWayException>(() => RegionDump.Write(heap, Stream.Null, cancellationToken: Token));
            refused++;
        });
        RegionDump.Write(heap, to, s_patient, Token);
        Assert.True(refused > 1);
        using (AtomicGroup group = heap.BeginAtomic())
        {
            Assert.Throws<AtomicGroupException>(() =>
            {
                RegionDump.Write(heap, Stream.Null, cancellationToken: Token);
            });
        }

        using PersistentArena reader = PersistentArena.Open(new ArenaOptions
        {
            Medium = medium.Open(),
            Access = ArenaAccess.ReadOnly,
        });
        using PersistentRegion read = reader.OpenRegion("data");
        PersistentHeap looked = PersistentHeap.Open(read);
        Assert.Throws<ArenaReadOnlyException>(() => RegionDump.Write(looked, Stream.Null, cancellationToken: Token));
    }

    [Fact]
    public void A_file_that_is_there_stays_until_the_new_one_is_whole()
    {
        using TestMedium medium = TestMedia.Create("tmpfs");
        using TestMedium place = TestMedia.Create("tmpfs");
        using PersistentArena arena = PersistentArena.Create(new ArenaOptions { Medium = medium.Open() });
        using PersistentRegion region = arena.CreateRegion("data", 16 << 20, s_heap);
        PersistentHeap heap = PersistentHeap.Open(region);
        string file = Path.Combine(place.Directory!, "dump");
        RegionDump.Write(heap, file, cancellationToken: Token);
        Assert.Throws<DumpExistsException>(() => RegionDump.Write(heap, file, cancellationToken: Token));
        byte[] first = File.ReadAllBytes(file);
        using CancellationTokenSource stopped = new();
        stopped.Cancel();
        Assert.Throws<OperationCanceledException>(() => RegionDump.Write(heap, file, s_patient, stopped.Token));
        Assert.Equal(first, File.ReadAllBytes(file));
        Assert.Equal([file], Directory.GetFiles(place.Directory!));
        RegionDump.Write(heap, file, s_patient, Token);
        Assert.NotEqual(first, File.ReadAllBytes(file));
        Assert.Equal(UnixFileMode.UserRead | UnixFileMode.UserWrite, File.GetUnixFileMode(file));
    }

    [Fact]
    public void A_dump_that_others_can_write_is_not_restored()
    {
        using TestMedium medium = TestMedia.Create("tmpfs");
        using TestMedium place = TestMedia.Create("tmpfs");
        using PersistentArena arena = PersistentArena.Create(new ArenaOptions { Medium = medium.Open() });
        using PersistentRegion region = arena.CreateRegion("data", 16 << 20, s_heap);
        string file = Path.Combine(place.Directory!, "dump");
        RegionDump.Write(PersistentHeap.Open(region), file, cancellationToken: Token);
        File.SetUnixFileMode(file, (UnixFileMode)0b110_110_110);
        Assert.Throws<UntrustedOwnerException>(
            () => RegionDump.Restore(file, arena, new RestoreOptions { Region = "copy" }, Token));
        Assert.Null(arena.FindRegion("copy"));
    }

    private static CancellationToken Token => TestContext.Current.CancellationToken;

    private static void Dirty(PersistentHeap heap, int number) =>
        PersistentDictionary.OpenOrCreate(heap, "keys").Set("other"u8, BitConverter.GetBytes(number));

    private static IEnumerable<string> Verified(TestMedium medium)
    {
        using ArenaInspection inspection = ArenaInspection.Open(medium.Open(), ownsMedium: true);
        return [.. inspection.Verify(deep: true).Findings.Select(finding => finding.ToString())];
    }

    /// <summary>A stream that does something at each write of a dump: the header's is the first.</summary>
    private sealed class Busy(Action<int> atWrite) : MemoryStream
    {
        private int _writes;

        public override void Write(byte[] buffer, int offset, int count)
        {
            base.Write(buffer, offset, count);
            atWrite(++_writes);
        }
    }

    /// <summary>
    /// Writers, each of which adds one entry after the other and moves one unit between two accounts in a group; and
    /// when each entry was begun and had returned. A copy of one instant holds a run of each writer's entries from the
    /// first, no entry that was begun after one had returned that is missing, and as many units as there are.
    /// </summary>
    private sealed class History : IDisposable
    {
        private const int Units = 1000;
        private readonly PersistentHeap _heap;
        private readonly Thread[] _threads;
        private readonly List<(long Begun, long Returned)>[] _entries;
        private long _clock;
        private volatile bool _stops;
        private volatile Exception? _failed;

        public History(PersistentHeap heap, int writers)
        {
            _heap = heap;
            PersistentDictionary accounts = PersistentDictionary.OpenOrCreate(heap, "accounts");
            accounts.Set("a"u8, BitConverter.GetBytes(Units));
            accounts.Set("b"u8, BitConverter.GetBytes(0));
            _entries = [.. Enumerable.Range(0, writers).Select(_ => new List<(long, long)>())];
            _threads = [.. Enumerable.Range(0, writers).Select(writer => new Thread(() => Run(writer)))];
            Array.ForEach(_threads, thread => thread.Start());
        }

        public long Now => Interlocked.Increment(ref _clock);

        public void WaitForMore()
        {
            int[] had = [.. _entries.Select(CountOf)];
            Assert.True(SpinWait.SpinUntil(() => _failed is not null || _entries.Select(CountOf).Zip(had).All(
                pair => pair.First > pair.Second + 50), Patience.Limit), "the writers stand still");
            Assert.Null(_failed);
        }

        public void Check(PersistentHeap copy, long before, long after)
        {
            PersistentDictionary keys = PersistentDictionary.OpenOrCreate(copy, "keys");
            PersistentSortedMap map = PersistentSortedMap.OpenOrCreate(copy, "map");
            PersistentLog log = PersistentLog.OpenOrCreate(copy, "log");
            long newestBegun = 0;
            long oldestMissing = long.MaxValue;
            int there = 0;
            for (int writer = 0; writer < _entries.Length; writer++)
            {
                int count = 0;
                while (IsIn(keys, map, writer, count))
                {
                    count++;
                }

                there += count;
                (long Begun, long Returned)[] entries = EntriesOf(writer, count);
                newestBegun = Math.Max(newestBegun, entries[count - 1].Begun);
                oldestMissing = Math.Min(oldestMissing, entries[count].Returned);
                Assert.True(entries[count].Returned > before, "what had returned before is missing");
                Assert.True(entries[count - 1].Begun < after, "what was begun later is there");
            }

            Assert.True(newestBegun < oldestMissing,
                $"what was begun at {newestBegun} is there, and what had returned at {oldestMissing} is not");
            Assert.Equal(there, keys.Count + map.Count);
            Assert.InRange(log.Count, there - _entries.Length, there);
            PersistentDictionary accounts = PersistentDictionary.OpenOrCreate(copy, "accounts");
            Assert.Equal(Units, BitConverter.ToInt32(accounts.Get("a"u8)) + BitConverter.ToInt32(accounts.Get("b"u8)));
        }

        public void Stop()
        {
            _stops = true;
            Array.ForEach(_threads, thread => thread.Join());
            Assert.Null(_failed);
        }

        public void Dispose()
        {
            _stops = true;
            Array.ForEach(_threads, thread => thread.Join());
        }

        // An entry of a writer is in one of the three, by its number.
        private static bool IsIn(PersistentDictionary keys, PersistentSortedMap map, int writer, int entry)
        {
            byte[] key = KeyOf(writer, entry);
            return (entry % 2) switch
            {
                0 => keys.Get(key) is { } value && value.AsSpan().SequenceEqual(ValueOf(key)),
                _ => map.Get(key) is { } value && value.AsSpan().SequenceEqual(ValueOf(key)),
            };
        }

        private static byte[] KeyOf(int writer, int entry) => Encoding.ASCII.GetBytes($"{writer}:{entry:D8}");

        private static byte[] ValueOf(byte[] key)
        {
            byte[] value = new byte[20 + (key[^1] * 7)];
            key.CopyTo(value, 0);
            BinaryPrimitives.WriteInt32LittleEndian(value.AsSpan(^4..), value.Length);
            return value;
        }

        private static int CountOf(List<(long Begun, long Returned)> entries)
        {
            lock (entries)
            {
                return entries.Count;
            }
        }

        // With the one after these, which may be in flight.
        private (long Begun, long Returned)[] EntriesOf(int writer, int count)
        {
            Assert.True(SpinWait.SpinUntil(() => CountOf(_entries[writer]) > count || _failed is not null,
                Patience.Limit), "the writers stand still");
            Assert.Null(_failed);
            Assert.True(count > 0, "nothing of a writer is there");
            lock (_entries[writer])
            {
                return [.. _entries[writer][..(count + 1)]];
            }
        }

        private void Run(int writer)
        {
            try
            {
                PersistentDictionary keys = PersistentDictionary.OpenOrCreate(_heap, "keys");
                PersistentSortedMap map = PersistentSortedMap.OpenOrCreate(_heap, "map");
                PersistentDictionary accounts = PersistentDictionary.OpenOrCreate(_heap, "accounts");
                PersistentLog log = PersistentLog.OpenOrCreate(_heap, "log");
                for (int entry = 0; !_stops; entry++)
                {
                    byte[] key = KeyOf(writer, entry);
                    long begun = Now;
                    if (entry % 2 == 0)
                    {
                        keys.Set(key, ValueOf(key));
                    }
                    else
                    {
                        map.Set(key, ValueOf(key));
                    }

                    lock (_entries[writer])
                    {
                        _entries[writer].Add((begun, Now));
                    }

                    log.Append(key);
                    Move(accounts, entry % 2 == 0 ? 1 : -1);
                    if (entry > 200)
                    {
                        Thread.Sleep(1);
                    }
                }
            }
            catch (Exception e)
            {
                _failed = e;
            }
        }

        private void Move(PersistentDictionary accounts, int units)
        {
            using AtomicGroup group = _heap.BeginAtomic();
            accounts.Set("a"u8, BitConverter.GetBytes(BitConverter.ToInt32(accounts.Get("a"u8)) - units));
            accounts.Set("b"u8, BitConverter.GetBytes(BitConverter.ToInt32(accounts.Get("b"u8)) + units));
            group.Commit();
        }
    }
}
