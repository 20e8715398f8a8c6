using System.Globalization;
using System.Numerics;
using System.Runtime.InteropServices;

namespace GuestMemFs.LiveUpdate.Memory;

/// <summary>
/// What a memory was, in 128 bits: four CRC-32C over every fourth word. Against accidents, not against somebody who
/// means to deceive.
/// </summary>
/// <param name="Coverage">How much of it was looked at.</param>
/// <param name="Length">Its length, in bytes.</param>
/// <param name="Seed">Which pages a sample looks at.</param>
/// <param name="Hash">32 hexadecimal digits.</param>
internal sealed record MemoryFingerprint(FingerprintCoverage Coverage, long Length, ulong Seed, string Hash)
{
    private const int Page = 4096;
    private const int SampledPages = 4096;
    private const int Chunk = 1 << 20;

    /// <summary>Takes it.</summary>
    /// <param name="region">The memory; nobody writes to it meanwhile.</param>
    /// <param name="length">How much of the region, in bytes; a multiple of 8 where it is not the whole.</param>
    /// <param name="coverage">How much of that is looked at.</param>
    /// <param name="seed">Chooses the pages of a sample.</param>
    /// <param name="cancellationToken">Looked at once a mebibyte.</param>
    public static MemoryFingerprint Of(
        PersistentRegion region, long length, FingerprintCoverage coverage, ulong seed,
        CancellationToken cancellationToken)
    {
        Lanes lanes = new(uint.MaxValue, uint.MaxValue, uint.MaxValue, uint.MaxValue);
        long pages = length / Page;
        if (coverage == FingerprintCoverage.Whole || pages <= SampledPages)
        {
            for (long at = 0; at < length; at += Chunk)
            {
                cancellationToken.ThrowIfCancellationRequested();
                lanes = lanes.Add(region.AsSpan(at, (int)Math.Min(Chunk, length - at)));
            }
        }
        else
        {
            // One page of each equal part, at a place in it that the seed says.
            ulong state = seed;
            for (int i = 0; i < SampledPages; i++)
            {
                long from = (long)((UInt128)pages * (uint)i / SampledPages);
                long to = (long)((UInt128)pages * (uint)(i + 1) / SampledPages);
                long page = from + (long)(Next(ref state) % (ulong)(to - from));
                lanes = lanes.Add(region.AsSpan(page * Page, Page));
            }
        }

        return new MemoryFingerprint(coverage, length, seed, lanes.ToString());
    }

    /// <summary>Takes it again, of what is there now.</summary>
    public MemoryFingerprint Again(PersistentRegion region, CancellationToken cancellationToken) =>
        Of(region, Length, Coverage, Seed, cancellationToken);

    // SplitMix64 (Steele, Lea, Flood: Fast Splittable Pseudorandom Number Generators).
    private static ulong Next(ref ulong state)
    {
        state += 0x9E3779B97F4A7C15;
        ulong z = state;
        z = (z ^ (z >> 30)) * 0xBF58476D1CE4E5B9;
        z = (z ^ (z >> 27)) * 0x94D049BB133111EB;
        return z ^ (z >> 31);
    }

    /// <summary>Four checksums side by side: the processor works on one while it waits for the others.</summary>
    private readonly record struct Lanes(uint A, uint B, uint C, uint D)
    {
        public Lanes Add(ReadOnlySpan<byte> bytes)
        {
            (uint a, uint b, uint c, uint d) = (A, B, C, D);
            ReadOnlySpan<ulong> words = MemoryMarshal.Cast<byte, ulong>(bytes);
            int i = 0;
            for (; i + 4 <= words.Length; i += 4)
            {
                a = BitOperations.Crc32C(a, words[i]);
                b = BitOperations.Crc32C(b, words[i + 1]);
                c = BitOperations.Crc32C(c, words[i + 2]);
                d = BitOperations.Crc32C(d, words[i + 3]);
            }

            for (; i < words.Length; i++)
            {
                a = BitOperations.Crc32C(a, words[i]);
            }

            foreach (byte one in bytes[(words.Length * sizeof(ulong))..])
            {
                b = BitOperations.Crc32C(b, one);
            }

            return new Lanes(a, b, c, d);
        }

        public override string ToString() => string.Create(CultureInfo.InvariantCulture, $"{A:x8}{B:x8}{C:x8}{D:x8}");
    }
}
