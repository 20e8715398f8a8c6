using GuestMemFs.Heap;
using GuestMemFs.Tests.Infrastructure;
using GuestMemFs.Tests.Arena;
using static GuestMemFs.Tests.Inspection.Inspected;

namespace GuestMemFs.Tests.Inspection;

/// <summary>What an inspection says of heaps, sound and damaged.</summary>
public sealed class HeapInspectionTests
{
    [Fact]
    public void A_heap_tells_its_header_roots_and_figures()
    {
        using TestMedium medium = TestMedia.Create("tmpfs");
        Fill(medium);
        using ArenaInspection inspection = Open(medium);

        HeapSnapshot heap = inspection.ReadHeap("carts")!;

        Assert.Null(heap.Refusal);
        Assert.Equal((16 * MiB, HeapFormat.Version, 0), (heap.LengthBytes, heap.FormatVersion, heap.ChangesInFlight));
        Assert.InRange(heap.FrontierBytes, MiB, 16 * MiB);
        Assert.Equal(
            [("carts", HeapRootKind.Dictionary), ("users", HeapRootKind.Dictionary), ("clock", HeapRootKind.Object)],
            heap.Roots.Select(root => (root.Name, root.Kind)));
        DictionaryFigures carts = heap.Roots[0].Dictionary!.Value;
        Assert.Equal((Records, 10, false), (carts.Records, carts.Expiring, carts.IsClearing));
        Assert.True(carts is { RecordBytes: > Records * 100, Buckets: >= 1024 });
        Assert.Null(heap.Roots[2].Dictionary);
        Assert.Null(inspection.ReadHeap("blob"));
        Assert.Null(inspection.ReadHeap("empty"));
    }

    [Fact]
    public void A_damaged_header_is_a_refusal_beside_the_numbers_that_stand_there()
    {
        using TestMedium medium = TestMedia.Create("tmpfs");
        Fill(medium);
        Damage(medium, HeapFormat.NonceOffset);
        using ArenaInspection inspection = Open(medium);

        HeapSnapshot heap = inspection.ReadHeap("carts")!;

        Assert.Equal(ReasonCodes.HeapDamaged, heap.Refusal?.ReasonCode);
        Assert.Equal((ulong)HeapFormat.Version, heap.FormatVersion);
        Assert.True(heap.FrontierBytes > 0);
        Assert.Empty(heap.Roots);
        Assert.Throws<HeapDamagedException>(() => inspection.SurveyHeap("carts"));
        ArenaFinding finding = Assert.Single(inspection.Check().Findings);
        Assert.Equal(ReasonCodes.HeapDamaged, finding.ReasonCode);
        Assert.Equal((FindingScope.Region, "carts"), (finding.Scope, finding.Subject));
    }

    [Fact]
    public void A_damaged_dictionary_is_told_beside_those_that_are_whole()
    {
        using TestMedium medium = TestMedia.Create("tmpfs");
        Fill(medium);
        long word = HeapFormat.RootsOffset + 48;
        using (var raw = new RawFile(medium, "extent-1"))
        {
            long root = BitConverter.ToInt64(raw.Bytes[(int)word..]) & 0xFFFF_FFFF_FFFF;
            raw.Bytes[(int)root + 8] ^= 1; // Where its table lies.
        }

        using ArenaInspection inspection = Open(medium);
        HeapSnapshot heap = inspection.ReadHeap("carts")!;

        Assert.Null(heap.Refusal);
        Assert.Null(heap.Roots[0].Dictionary);
        Assert.Equal("carts", heap.Roots[0].Problem?.Region);
        Assert.Equal(1, heap.Roots[1].Dictionary?.Records);
        Assert.Contains(inspection.Check().Findings, finding => finding.ReasonCode == ReasonCodes.HeapDamaged);
    }

    [Fact]
    public void Damage_of_a_block_is_found_by_a_deep_check_alone()
    {
        using TestMedium medium = TestMedia.Create("tmpfs");
        Fill(medium);
        using (var raw = new RawFile(medium, "extent-1"))
        {
            ReadOnlySpan<byte> record = [.. BitConverter.GetBytes(777), .. new byte[100]];
            int key = raw.Bytes[(1 << 20)..].IndexOf(record);
            Assert.True(key > 0);
            raw.Bytes[(1 << 20) + key] ^= 0xFF;
        }

        using ArenaInspection inspection = Open(medium);

        Assert.True(inspection.Check().IsHealthy);
        ArenaVerification deep = inspection.Check(deep: true);
        Assert.False(deep.IsHealthy);
        Assert.All(deep.Findings, finding => Assert.Equal(FindingSeverity.Error, finding.Severity));
        Assert.All(deep.Findings, finding => Assert.Equal("carts", finding.Subject));
    }

    [Fact]
    public void A_heap_with_changes_in_flight_is_not_walked()
    {
        using TestMedium medium = TestMedia.Create("tmpfs");
        Fill(medium);
        using (var raw = new RawFile(medium, "extent-1"))
        {
            raw.Bytes[HeapFormat.LanesOffset] = 1; // The first word of a lane: an intent that stands.
        }

        using ArenaInspection inspection = Open(medium);
        int inFlight = inspection.ReadHeap("carts")!.ChangesInFlight;

        Assert.Equal(1, inFlight);
        ArenaVerification deep = inspection.Check(deep: true);
        Assert.Equal((1, 0), (deep.HeapCount, deep.HeapsWalked));
        Assert.Equal(ReasonCodes.HeapChangesInFlight, Assert.Single(deep.Findings).ReasonCode);
    }

    [Fact]
    public void A_survey_adds_up_and_sees_what_was_freed()
    {
        using TestMedium medium = TestMedia.Create("tmpfs");
        Fill(medium);
        HeapSurvey full, thinned;
        using (ArenaInspection inspection = Open(medium))
        {
            full = inspection.SurveyHeap("carts", parts: 16, slabsPerPart: 1000)!;
            Assert.Null(inspection.SurveyHeap("blob"));
        }

        using (PersistentArena writer = PersistentArena.Open(ArenaTest.On(medium)))
        using (PersistentRegion region = writer.OpenRegion("carts"))
        {
            PersistentDictionary carts = PersistentDictionary.OpenOrCreate(PersistentHeap.Open(region), "carts");
            for (int i = 0; i < Records; i += 2)
            {
                carts.Remove(BitConverter.GetBytes(i));
            }
        }

        using (ArenaInspection inspection = Open(medium))
        {
            thinned = inspection.SurveyHeap("carts", parts: 16, slabsPerPart: 1000)!;
        }

        Assert.True(full.IsConsistent && thinned.IsConsistent);
        Assert.Equal(16, full.Parts.Count);
        long blocks = full.FrontierBytes - (HeapFormat.FirstPage << HeapFormat.PageShift);
        Assert.InRange(full.UsedBytes + full.FreeBytes, blocks - 16, blocks);
        Assert.InRange(full.UsedBytes - thinned.UsedBytes, Records / 2 * 100, Records / 2 * 200);
        Assert.InRange(thinned.Fragmentation, 0.01, 1);
    }

    private static void Damage(TestMedium medium, int offset)
    {
        using var raw = new RawFile(medium, "extent-1");
        raw.Bytes[offset] ^= 1;
    }
}
