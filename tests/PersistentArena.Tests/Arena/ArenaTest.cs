using System.Runtime.InteropServices;
using GuestMemFs.Tests.Infrastructure;

namespace GuestMemFs.Tests.Arena;

/// <summary>Helpers that the region tests share.</summary>
internal static class ArenaTest
{
    public const long MiB = 1L << 20;

    /// <summary>Options for a small arena on a test's medium: "the next process".</summary>
    public static ArenaOptions On(TestMedium medium, ArenaAccess access = ArenaAccess.ReadWrite) =>
        new() { Medium = medium.Open(), MetadataSize = 2 * MiB, Access = access };

    /// <summary>Fills a region with a pattern of its own, in which no two words are the same.</summary>
    public static void Fill(PersistentRegion region, int seed)
    {
        for (long at = 0; at < region.Length; at += MiB)
        {
            Pattern(region.AsSpan(at, (int)Math.Min(MiB, region.Length - at)), seed, at);
        }
    }

    /// <summary>Every byte (or every one of the first so many) is the pattern's.</summary>
    public static void AssertFilled(PersistentRegion region, int seed, long length = -1)
    {
        byte[] expected = new byte[MiB];
        long end = length < 0 ? region.Length : length;
        for (long at = 0; at < end; at += MiB)
        {
            int step = (int)Math.Min(MiB, end - at);
            Pattern(expected.AsSpan(0, step), seed, at);
            Assert.True(region.AsSpan(at, step).SequenceEqual(expected.AsSpan(0, step)),
                $"region '{region.Name}' differs within [{at}, {at + step})");
        }
    }

    private static void Pattern(Span<byte> bytes, int seed, long offset)
    {
        Span<ulong> words = MemoryMarshal.Cast<byte, ulong>(bytes);
        for (int i = 0; i < words.Length; i++)
        {
            words[i] = ((ulong)(offset / 8) + (ulong)i + ((ulong)(seed + 1) << 40)) * 0x9E37_79B9_7F4A_7C15;
        }
    }

    /// <summary>Every byte from an offset on is zero.</summary>
    public static void AssertZero(PersistentRegion region, long from = 0)
    {
        for (long at = from; at < region.Length; at += MiB)
        {
            Assert.Equal(-1, region.AsSpan(at, (int)Math.Min(MiB, region.Length - at)).IndexOfAnyExcept((byte)0));
        }
    }
}
