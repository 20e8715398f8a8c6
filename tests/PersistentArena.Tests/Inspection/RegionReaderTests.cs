using GuestMemFs.Tests.Infrastructure;
using GuestMemFs.Tests.Arena;
using static GuestMemFs.Tests.Inspection.Inspected;

namespace GuestMemFs.Tests.Inspection;

/// <summary>Copies of regions out, and back in as heaps.</summary>
public sealed class RegionReaderTests
{
    [Fact]
    public void Memory_that_was_never_touched_is_not_touched_by_reading()
    {
        using TestMedium medium = TestMedia.Create("tmpfs");
        using TestMedium inProcess = TestMedia.Create("memfd");
        var holder = new HolderDouble();
        try
        {
            ReadsWithoutTaking(medium.Open);
            ReadsWithoutTaking(() => Medium.FromHolder(holder));
            Reads(inProcess.Open); // Its files have no paths: the mapping is what there is.
        }
        finally
        {
            foreach (string name in holder.Names.ToArray())
            {
                holder.Drop(name);
            }
        }
    }

    private static void ReadsWithoutTaking(Func<Medium> open)
    {
        MakeSparse(open);
        long before = Held(open);
        Read(open);
        Assert.Equal(before, Held(open));
    }

    private static void Reads(Func<Medium> open)
    {
        MakeSparse(open);
        Read(open);
    }

    private static void MakeSparse(Func<Medium> open)
    {
        using PersistentArena arena = PersistentArena.Create(
            new ArenaOptions { Medium = open(), OwnsMedium = true, MetadataSize = 2 * MiB });
        var options = new RegionOptions { Reserve = RegionReserve.OnDemand };
        using PersistentRegion region = arena.CreateRegion("sparse", 64 * MiB, options);
        region.EnsureBacked(32 * MiB, 4);
        "here"u8.CopyTo(region.AsSpan(32 * MiB, 4));
    }

    private static void Read(Func<Medium> open)
    {
        using ArenaInspection inspection = ArenaInspection.Open(open(), ownsMedium: true);
        using RegionReader reader = inspection.OpenRegion("sparse");
        byte[] copy = new byte[64 * MiB];

        reader.Read(0, copy);

        Assert.Equal((64 * MiB, 64 * MiB), (reader.LengthBytes, reader.UsedBytes));
        Assert.Equal(32 * (int)MiB, copy.AsSpan().IndexOf("here"u8));
        Assert.Throws<ArgumentOutOfRangeException>(() => reader.Read((64 * MiB) - 1, new byte[2]));
        Assert.Throws<ArgumentOutOfRangeException>(() => reader.Read(-1, new byte[2]));
    }

    [Fact]
    public void A_heap_that_was_copied_out_lives_on_in_another_arena()
    {
        using TestMedium medium = TestMedia.Create("tmpfs");
        using TestMedium other = TestMedia.Create("tmpfs");
        Fill(medium);
        using PersistentArena arena = PersistentArena.Create(ArenaTest.On(other));
        var heaps = new RegionOptions { Kind = RegionKind.Heap };
        using PersistentRegion region = arena.CreateRegion("copy", 16 * MiB, heaps);
        using (ArenaInspection inspection = Open(medium))
        using (RegionReader reader = inspection.OpenRegion("carts"))
        {
            Assert.InRange(reader.UsedBytes, MiB, 16 * MiB);
            reader.Read(0, region.AsSpan(0, (int)reader.UsedBytes));
            using RegionReader empty = inspection.OpenRegion("empty");
            Assert.Equal(0, empty.UsedBytes);
        }

        PersistentHeap.Adopt(region);

        PersistentDictionary carts = PersistentDictionary.OpenOrCreate(PersistentHeap.Open(region), "carts");
        Assert.Equal(Records, carts.Count);
        Assert.Equal(new byte[100], carts.Get(BitConverter.GetBytes(123)));
    }

    [Fact]
    public void What_is_no_heap_or_cannot_be_written_is_not_adopted()
    {
        using TestMedium medium = TestMedia.Create("tmpfs");
        Fill(medium);
        using (PersistentArena reader = PersistentArena.Open(ArenaTest.On(medium, ArenaAccess.ReadOnly)))
        using (PersistentRegion carts = reader.OpenRegion("carts"))
        {
            Assert.Throws<ArenaReadOnlyException>(() => PersistentHeap.Adopt(carts));
        }

        using PersistentArena writer = PersistentArena.Open(ArenaTest.On(medium));
        using PersistentRegion raw = writer.OpenRegion("blob");
        using PersistentRegion empty = writer.OpenRegion("empty");
        Assert.Throws<RegionKindException>(() => PersistentHeap.Adopt(raw));
        Assert.Throws<HeapDamagedException>(() => PersistentHeap.Adopt(empty));
        Assert.False(writer.FindRegion("empty")!.IsFormatted);
    }

    [Fact]
    public void Space_is_taken_by_writers_alone()
    {
        using TestMedium medium = TestMedia.Create("tmpfs");
        using (PersistentArena writer = PersistentArena.Create(ArenaTest.On(medium)))
        {
            var options = new RegionOptions { Reserve = RegionReserve.OnDemand };
            using PersistentRegion region = writer.CreateRegion("sparse", 8 * MiB, options);
            long before = Held(medium.Open);
            region.EnsureBacked(0, 8 * MiB);
            Assert.InRange(Held(medium.Open) - before, 7 * MiB, 9 * MiB);
            Assert.Throws<ArgumentOutOfRangeException>(() => region.EnsureBacked(0, (8 * MiB) + 1));
        }

        using PersistentArena reader = PersistentArena.Open(ArenaTest.On(medium, ArenaAccess.ReadOnly));
        using PersistentRegion read = reader.OpenRegion("sparse");
        Assert.Throws<ArenaReadOnlyException>(() => read.EnsureBacked(0, 1));
    }

    /// <summary>Bytes of memory that the medium's files take.</summary>
    private static long Held(Func<Medium> open)
    {
        using Medium medium = open();
        long held = 0;
        foreach (string name in medium.ListFiles())
        {
            using MediumFile file = medium.TryOpenFile(name, writable: false)!;
            held += file.Held;
        }

        return held;
    }
}
