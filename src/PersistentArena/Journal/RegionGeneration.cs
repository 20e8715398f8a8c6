using System.Security.Cryptography;

namespace GuestMemFs.Journal;

/// <summary>
/// Which generation of a region's files the journal belongs to. Each writer that opens a region draws another one: it
/// commits that it is about to, stamps the files (<see cref="Format.ExtentMark"/>), and commits that it has, before
/// anybody stores data. So a file or a journal of an earlier session is told from one of this session.
/// </summary>
/// <param name="Current">The generation; 0 where no writer that knows of it has opened the region.</param>
/// <param name="Previous">0 once the files are stamped. Before, what they may still have; <see cref="Any"/> where that
/// is none.</param>
internal readonly record struct RegionGeneration(uint Current, uint Previous)
{
    private const uint Any = uint.MaxValue;

    /// <summary>As it stands in the journal: the current one is the lower half.</summary>
    public ulong Word => Current | ((ulong)Previous << 32);

    /// <summary>True while files may still have the previous one.</summary>
    public bool IsStamping => Previous != 0;

    /// <summary>From the journal.</summary>
    public static RegionGeneration Of(ulong word) => new((uint)word, (uint)(word >> 32));

    /// <summary>A new region's.</summary>
    public static RegionGeneration Draw() => new((uint)RandomNumberGenerator.GetInt32(1, int.MaxValue), 0);

    /// <summary>
    /// What is committed before the files are stamped. One that was interrupted goes on with the same: some files may
    /// have it.
    /// </summary>
    public RegionGeneration Begin() => IsStamping ? this : Draw() with { Previous = Current == 0 ? Any : Current };

    /// <summary>What is committed when all files are stamped.</summary>
    public RegionGeneration End() => this with { Previous = 0 };

    /// <summary>True where a file of that generation is the journal's.</summary>
    public bool Accepts(uint found) => Current == 0 || found == Current || Previous == Any
        || (IsStamping && found == Previous);
}
