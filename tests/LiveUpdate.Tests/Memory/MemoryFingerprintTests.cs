namespace GuestMemFs.LiveUpdate.Tests.Memory;

/// <summary>What a fingerprint sees, and what a sample does not.</summary>
public sealed class MemoryFingerprintTests : IDisposable
{
    private const int Length = 64 << 20;
    private readonly TestFolder _folder = new();
    private readonly PersistentArena _arena;
    private readonly PersistentRegion _region;

    public MemoryFingerprintTests()
    {
        _arena = PersistentArena.Create(new ArenaOptions { Directory = _folder.Path });
        _region = _arena.CreateRegion("ram", Length);
        new Random(3).NextBytes(_region.AsSpan(0, Length));
    }

    public void Dispose()
    {
        _region.Dispose();
        _arena.Dispose();
        _folder.Dispose();
    }

    [Fact]
    [Trait("speed", "slow")]
    public void Each_byte_counts_in_the_whole()
    {
        const int Part = 10_007; // neither whole words nor whole pages
        MemoryFingerprint whole = Of(FingerprintCoverage.Whole, Part);
        for (int at = 0; at < Part; at += at < Part - 40 ? 97 : 1)
        {
            _region.AsSpan(at, 1)[0] ^= 0x80;
            Assert.NotEqual(whole, whole.Again(_region, TestContext.Current.CancellationToken));
            _region.AsSpan(at, 1)[0] ^= 0x80;
        }

        Assert.Equal(whole, whole.Again(_region, TestContext.Current.CancellationToken));
    }

    [Fact]
    [Trait("speed", "slow")]
    public void Pages_that_changed_places_are_seen()
    {
        MemoryFingerprint whole = Of(FingerprintCoverage.Whole, Length);
        byte[] first = _region.AsSpan(0, 4096).ToArray();
        _region.AsSpan(8192, 4096).CopyTo(_region.AsSpan(0, 4096));
        first.CopyTo(_region.AsSpan(8192, 4096));
        Assert.NotEqual(whole, whole.Again(_region, TestContext.Current.CancellationToken));
    }

    [Fact]
    [Trait("speed", "slow")]
    public void A_sample_sees_memory_that_is_another_and_looks_at_a_page_in_each_part()
    {
        MemoryFingerprint sample = Of(FingerprintCoverage.Sampled, Length);
        int seen = 0;
        const int Pages = Length / 4096;
        for (int page = 0; page < Pages; page += 17)
        {
            _region.AsSpan(page * 4096, 1)[0] ^= 1;
            seen += sample == sample.Again(_region, TestContext.Current.CancellationToken) ? 0 : 1;
            _region.AsSpan(page * 4096, 1)[0] ^= 1;
        }

        // 4,096 of 16,384 pages: one in four.
        Assert.InRange(seen / (double)(Pages / 17), 0.18, 0.32);
        _region.AsSpan(Length / 2, 1 << 20).Clear();
        Assert.NotEqual(sample, sample.Again(_region, TestContext.Current.CancellationToken));
    }

    private MemoryFingerprint Of(FingerprintCoverage coverage, long length) =>
        MemoryFingerprint.Of(_region, length, coverage, 42, TestContext.Current.CancellationToken);
}
