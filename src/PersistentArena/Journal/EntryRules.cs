using System.Numerics;
using System.Text;
using System.Text.Unicode;
using GuestMemFs.Format;
using GuestMemFs.Native;

namespace GuestMemFs.Journal;

/// <summary>
/// What an entry of the journal can say. A checksum that fits does not make it true: an arena may come from somebody
/// who made it up, and what is not looked at here is met later, as an overflow, a loop or a mapping of the wrong place.
/// </summary>
internal static class EntryRules
{
    /// <summary>Above every id and sequence number that anybody reaches, and below what overflows.</summary>
    public const ulong MaximumId = long.MaxValue;

    /// <summary>
    /// Where an arena begins from that was read: no writer comes from here to <see cref="MaximumId"/>.
    /// </summary>
    public const ulong MaximumNextId = 1UL << 62;

    /// <summary>The longest name, in bytes of UTF-8.</summary>
    public const int MaximumNameBytes = 128;

    /// <summary>No region, file or address space is longer: the address space has 2^47 bytes.</summary>
    private const long MaximumLength = 1L << 46;

    private const long MaximumAlignment = 1L << 40;

    /// <summary>What a region's entry says that cannot be; null where it can.</summary>
    public static string? Fault(in RegionBody body, ReadOnlySpan<byte> name) =>
        body.Id is 0 or > MaximumId ? "a region's id is none"
        : body.Length is < PageSizes.Small or > MaximumLength || body.Length % PageSizes.Small != 0
            ? "a region's length is none"
        : body.MaximumLength is < 0 or > MaximumLength ? "a region's room for growth is none"
        : body.Alignment is < PageSizes.Small or > MaximumAlignment || !BitOperations.IsPow2(body.Alignment)
            ? "a region's alignment is none"
        : !UnixTime.IsTime(body.CreatedUnixMilliseconds) ? "a region was made at no time"
        : body.Kind > (byte)RegionKind.GuestRam ? "a region is of no kind"
        : body.Reserve > (byte)RegionReserve.OnDemand ? "a region reserves in no way"
        : !IsName(name) ? "a region's name is none"
        : null;

    /// <summary>As above, for an extent.</summary>
    public static string? Fault(in ExtentBody body) =>
        body.Id is 0 or > MaximumId ? "an extent's id is none"
        : body.FileLength is <= ExtentIdentity.BlockBytes or > MaximumLength || body.FileLength % PageSizes.Small != 0
            ? "a file's length is none"
        : body.Used < 0 || body.Used > body.FileLength - ExtentIdentity.BlockBytes || body.Used % PageSizes.Small != 0
            ? "an extent holds more than its file"
        : body.State is < (uint)ExtentState.InUse or > (uint)ExtentState.Dirty ? "an extent is in no state"
        : null;

    /// <summary>As above, for the arena's own entry.</summary>
    public static string? Fault(in StateBody body) =>
        body.Epoch > uint.MaxValue ? "the epoch is none"
        : body.NextExtentId is 0 or > MaximumId || body.NextRegionId is 0 or > MaximumId ? "the next ids are none"
        : null;

    private static bool IsName(ReadOnlySpan<byte> name)
    {
        if (name.Length is 0 or > MaximumNameBytes || !Utf8.IsValid(name))
        {
            return false;
        }

        while (!name.IsEmpty)
        {
            Rune.DecodeFromUtf8(name, out Rune rune, out int length);
            if (Rune.IsControl(rune))
            {
                return false;
            }

            name = name[length..];
        }

        return true;
    }
}
