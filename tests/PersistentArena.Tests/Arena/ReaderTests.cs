using System.Globalization;
using GuestMemFs.Tests.Infrastructure;
using static GuestMemFs.Tests.Arena.ArenaTest;

namespace GuestMemFs.Tests.Arena;

/// <summary>Readers beside a living writer.</summary>
public class ReaderTests
{
    public static TheoryData<string> CheapMedia => TestMedia.Cheap;

    [Theory, MemberData(nameof(CheapMedia))]
    public void A_reader_follows_the_writer(string kind)
    {
        using TestMedium medium = TestMedia.Create(kind);
        using PersistentArena writer = PersistentArena.Create(On(medium));
        using PersistentRegion region = writer.CreateRegion("r", 2 * MiB,
            new RegionOptions { MaximumLength = 60 * MiB });
        using PersistentArena reader = PersistentArena.Open(On(medium, ArenaAccess.ReadOnly));
        Assert.True(reader.IsReadOnly);
        Assert.Equal(AttachKind.Reader, reader.AttachReport.Kind);
        using PersistentRegion seen = reader.OpenRegion("r");
        Fill(region, 1);
        AssertFilled(seen, 1);

        region.Grow(50 * MiB);
        Fill(region, 2);
        Assert.Equal(2 * MiB, seen.Length);
        using (PersistentRegion longer = reader.OpenRegion("r"))
        {
            Assert.Equal(50 * MiB, longer.Length);
            Assert.Equal(50 * MiB, seen.Length);
            Assert.Equal(seen.Address, longer.Address);
            AssertFilled(longer, 2);
        }

        writer.CreateRegion("new", 2 * MiB).Dispose();
        reader.OpenRegion("new").Dispose();
        writer.DeleteRegion("new");
        Assert.Throws<RegionNotFoundException>(() => reader.OpenRegion("new"));
        writer.Freeze();
        Assert.True(reader.IsFrozen);
        Assert.Throws<ArenaReadOnlyException>(() => reader.CreateRegion("x", 2 * MiB));
        Assert.Throws<ArenaReadOnlyException>(() => reader.DeleteRegion("r"));
        Assert.Throws<ArenaReadOnlyException>(reader.Thaw);
        Assert.Throws<ArenaReadOnlyException>(() => seen.Grow(52 * MiB));
    }

    [Theory]
    [InlineData("tmpfs")]
    [InlineData("strict")]
    public void A_reader_follows_a_region_to_the_last_byte_it_may_have(string kind)
    {
        using TestMedium medium = TestMedia.Create(kind);
        using PersistentArena writer = PersistentArena.Create(On(medium));
        using PersistentRegion region = writer.CreateRegion("r", 2 * MiB,
            new RegionOptions { MaximumLength = 8 * MiB });
        using PersistentArena reader = PersistentArena.Open(On(medium, ArenaAccess.ReadOnly));
        using PersistentRegion seen = reader.OpenRegion("r");

        region.Grow(region.MaximumLength);
        Fill(region, 1);
        reader.OpenRegion("r").Dispose();

        Assert.Equal(region.MaximumLength, seen.Length);
        AssertFilled(seen, 1);
    }

    [Fact]
    [Trait("speed", "slow")]
    public void A_reader_never_sees_half_a_change_of_a_hammering_writer()
    {
        const int Regions = 40;
        using TestMedium medium = TestMedia.Create("tmpfs");
        ArenaOptions options = On(medium);
        options.MetadataSize = MiB; // A compaction each few thousand changes.
        using PersistentArena writer = PersistentArena.Create(options);
        for (int i = 0; i < Regions; i++)
        {
            writer.CreateRegion(Name(i, 0), 2 * MiB, new RegionOptions { Reserve = RegionReserve.OnDemand }).Dispose();
        }

        using var stop = new CancellationTokenSource();
        long renames = 0;
        var hammer = new Thread(() =>
        {
            for (int round = 1; !stop.IsCancellationRequested; round++)
            {
                for (int i = 0; i < Regions; i++)
                {
                    writer.RenameRegion(Name(i, round - 1), Name(i, round));
                    renames++;
                }
            }
        });
        hammer.Start();

        int[] last = new int[Regions];
        int opens = 0;
        for (long end = Environment.TickCount64 + 3000; Environment.TickCount64 < end; opens++)
        {
            using PersistentArena reader = PersistentArena.Open(On(medium, ArenaAccess.ReadOnly));
            for (int again = 0; again < 3; again++)
            {
                IReadOnlyList<RegionInfo> regions = reader.ListRegions();
                Assert.Equal(Regions, regions.Count);
                int[] rounds = new int[Regions];
                foreach (RegionInfo region in regions)
                {
                    string[] parts = region.Name.Split('-');
                    rounds[int.Parse(parts[0], CultureInfo.InvariantCulture)] = int.Parse(parts[1],
                        CultureInfo.InvariantCulture);
                }

                // Renamed in turn: a consistent picture is two adjacent rounds, and no picture is older than the one
                // before.
                for (int i = 1; i < Regions; i++)
                {
                    Assert.InRange(rounds[i], rounds[i - 1] - 1, rounds[i - 1]);
                }

                for (int i = 0; i < Regions; i++)
                {
                    Assert.True(rounds[i] >= last[i]);
                }

                last = rounds;
            }
        }

        stop.Cancel();
        hammer.Join();
        Assert.True(opens > 10 && renames > 3000, $"{opens} opens beside {renames} renames");

        static string Name(int i, int round) => string.Create(CultureInfo.InvariantCulture, $"{i}-{round}");
    }

    [Fact]
    public void A_reader_of_a_heap_follows_the_growth_of_its_region()
    {
        using TestMedium medium = TestMedia.Create("tmpfs");
        using PersistentArena writer = PersistentArena.Create(On(medium));
        using PersistentRegion region = writer.CreateRegion("heap", 4 * MiB,
            new RegionOptions { Kind = RegionKind.Heap, MaximumLength = 256 * MiB });
        PersistentHeap heap = PersistentHeap.Open(region);
        PersistentDictionary dictionary = PersistentDictionary.OpenOrCreate(heap, "d");
        PersistentRoot<Offset<byte>> root = heap.OpenOrCreateRoot<Offset<byte>>("root");
        using PersistentArena reader = PersistentArena.Open(On(medium, ArenaAccess.ReadOnly));
        using PersistentRegion seen = reader.OpenRegion("heap");
        PersistentHeap seenHeap = PersistentHeap.Open(seen);
        PersistentDictionary seenDictionary = PersistentDictionary.OpenOrCreate(seenHeap, "d");
        PersistentRoot<Offset<byte>> seenRoot = seenHeap.OpenOrCreateRoot<Offset<byte>>("root");

        region.Grow(200 * MiB);
        for (int i = 0; i < 40_000; i++)
        {
            dictionary.Set(BitConverter.GetBytes(i), new byte[1000]);
        }

        dictionary.Set("large"u8, new byte[20 << 20]);
        heap.PutBytes(root.Value, new byte[9 << 20]);

        // Whatever is looked at first: a bucket, a record, an object, a root that was made since, the frontier.
        Assert.Equal(9 << 20, seenHeap.ReadBytes(seenRoot.Value).Length);
        Assert.Equal(20 << 20, seenDictionary.Get("large"u8)!.Length);
        for (int i = 0; i < 40_000; i++)
        {
            Assert.Equal(1000, seenDictionary.Get(BitConverter.GetBytes(i))!.Length);
        }

        Assert.Equal(200 * MiB, seen.Length);
        _ = PersistentDictionary.OpenOrCreate(heap, "later");
        Assert.Equal(0, PersistentDictionary.OpenOrCreate(seenHeap, "later").Count);
    }

    [Fact]
    public void On_demand_memory_is_taken_when_it_is_asked_for()
    {
        using TestMedium medium = TestMedia.Create("tmpfs");
        using PersistentArena arena = PersistentArena.Create(On(medium));
        string file = Path.Combine(medium.Directory!, "extent-1");
        using PersistentRegion region = arena.CreateRegion("heap", 64 * MiB,
            new RegionOptions { Kind = RegionKind.Heap, Reserve = RegionReserve.OnDemand });
        Assert.InRange(Allocated(file), 1, MiB);
        region.EnsureBacked(0, 3 * MiB);
        Assert.InRange(Allocated(file), 3 * MiB, 5 * MiB);
        region.EnsureBacked(40 * MiB, 4096);
        Assert.InRange(Allocated(file), (3 * MiB) + 4096, 7 * MiB);
        region.EnsureBacked(0, 64 * MiB);
        Assert.InRange(Allocated(file), 64 * MiB, 65 * MiB);
        Assert.Throws<ArgumentOutOfRangeException>(() => region.EnsureBacked(64 * MiB, 1));

        Assert.False(region.IsFormatted);
        region.Arena.MarkFormatted(region.Mapping);
        region.Arena.MarkFormatted(region.Mapping);
        Assert.True(region.IsFormatted);
        ulong nonce = region.Nonce;
        region.Dispose();
        using (PersistentRegion again = arena.OpenRegion("heap", RegionKind.Heap))
        {
            Assert.True(again.IsFormatted);
            Assert.Equal(nonce, again.Nonce);
        }

        arena.DeleteRegion("heap");
        using PersistentRegion next = arena.CreateRegion("heap", 2 * MiB, new RegionOptions { Kind = RegionKind.Heap });
        Assert.False(next.IsFormatted);
        Assert.NotEqual(nonce, next.Nonce);

        static long Allocated(string file)
        {
            using var raw = System.Diagnostics.Process.Start(
                new System.Diagnostics.ProcessStartInfo("stat", ["-c", "%b", file]) { RedirectStandardOutput = true })!;
            return long.Parse(raw.StandardOutput.ReadToEnd(), CultureInfo.InvariantCulture) * 512;
        }
    }
}
