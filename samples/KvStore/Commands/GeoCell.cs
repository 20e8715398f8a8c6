using System.Text;

namespace KvStore.Commands;

/// <summary>The sides of a cell, in degrees.</summary>
internal readonly record struct GeoArea(double West, double South, double East, double North);

/// <summary>A place on the earth, in degrees.</summary>
internal readonly record struct GeoPoint(double Longitude, double Latitude);

/// <summary>
/// A cell of the map: both ranges of degrees are halved so many times, and the bits that say in which half a point is
/// alternate, longitude first. At 26 steps these 52 bits are a member's score; a larger cell is a range of scores.
/// </summary>
/// <param name="Bits">Two bits a step. As in Redis, a point on the far edge has one bit more.</param>
/// <param name="Steps">How many times the ranges were halved, 1 to 26.</param>
internal readonly record struct GeoCell(ulong Bits, int Steps)
{
    public const int MaximumSteps = 26;
    public const double LargestLongitude = 180;

    /// <summary>Where a square map of the earth ends (EPSG:3857).</summary>
    public const double LargestLatitude = 85.05112878;

    private const int TextLength = 11;
    private const double PoleLatitude = 90;
    private const double TwoTo63 = 9223372036854775808.0;
    private const ulong EvenBits = 0x5555_5555_5555_5555;

    private static ReadOnlySpan<byte> Letters => "0123456789bcdefghjkmnpqrstuvwxyz"u8;

    /// <summary>The lowest score of points in it.</summary>
    public double LeastScore => Bits << (2 * (MaximumSteps - Steps));

    /// <summary>The first score behind them.</summary>
    public double NextScore => (Bits + 1) << (2 * (MaximumSteps - Steps));

    /// <summary>The point's number at the finest step.</summary>
    public double Score => LeastScore;

    /// <summary>The cell that a point is in, after so many steps.</summary>
    public static GeoCell Of(GeoPoint point, int steps) => Of(point, steps, LargestLatitude);

    /// <summary>The point that a score stands for: the middle of its cell.</summary>
    public static GeoPoint PointOf(double score)
    {
        GeoArea area = new GeoCell(WholeOf(score), MaximumSteps).Area();
        return new GeoPoint(
            Math.Clamp((area.West + area.East) / 2, -LargestLongitude, LargestLongitude),
            Math.Clamp((area.South + area.North) / 2, -LargestLatitude, LargestLatitude));
    }

    /// <summary>The point as geohash.org shows it, latitudes up to the poles. The last letter is always 0.</summary>
    public static string TextOf(GeoPoint point)
    {
        ulong bits = Of(point, MaximumSteps, PoleLatitude).Bits;
        Span<byte> text = stackalloc byte[TextLength];
        for (int i = 0; i < TextLength - 1; i++)
        {
            text[i] = Letters[(int)(bits >> ((2 * MaximumSteps) - (5 * (i + 1)))) & 31];
        }

        text[^1] = Letters[0];
        return Encoding.ASCII.GetString(text);
    }

    public GeoArea Area()
    {
        double cells = 1UL << Steps;
        uint x = Gather(Bits >> 1);
        uint y = Gather(Bits);
        const double width = 2 * LargestLongitude;
        const double height = 2 * LargestLatitude;
        return new GeoArea(
            -LargestLongitude + (x / cells * width),
            -LargestLatitude + (y / cells * height),
            -LargestLongitude + ((x + 1.0) / cells * width),
            -LargestLatitude + ((y + 1.0) / cells * height));
    }

    /// <summary>The cell so many to the east and to the north; behind the last one the first comes.</summary>
    public GeoCell Neighbour(int east, int north)
    {
        uint mask = (1u << Steps) - 1;
        uint x = Gather(Bits >> 1);
        uint y = Gather(Bits);
        x = east == 0 ? x : (uint)(x + east) & mask;
        y = north == 0 ? y : (uint)(y + north) & mask;
        return this with { Bits = (Spread(x) << 1) | Spread(y) };
    }

    private static GeoCell Of(GeoPoint point, int steps, double poles)
    {
        double cells = 1UL << steps;
        double x = (point.Longitude + LargestLongitude) / (2 * LargestLongitude) * cells;
        double y = (point.Latitude + poles) / (2 * poles) * cells;
        return new GeoCell((Spread((uint)x) << 1) | Spread((uint)y), steps);
    }

    /// <summary>A score as an integer, as x86 converts it where it is none: ZADD takes any.</summary>
    private static ulong WholeOf(double score) =>
        score < TwoTo63 ? Truncated(score)
        : double.IsNaN(score) ? 1UL << 63
        : Truncated(score - TwoTo63) ^ (1UL << 63);

    private static ulong Truncated(double score) =>
        score is >= -TwoTo63 and < TwoTo63 ? (ulong)(long)score : 1UL << 63;

    /// <summary>Puts a zero before each bit.</summary>
    private static ulong Spread(uint value)
    {
        ulong bits = value;
        bits = (bits | (bits << 16)) & 0x0000_FFFF_0000_FFFF;
        bits = (bits | (bits << 8)) & 0x00FF_00FF_00FF_00FF;
        bits = (bits | (bits << 4)) & 0x0F0F_0F0F_0F0F_0F0F;
        bits = (bits | (bits << 2)) & 0x3333_3333_3333_3333;
        return (bits | (bits << 1)) & EvenBits;
    }

    /// <summary>Takes every other bit, from the lowest on.</summary>
    private static uint Gather(ulong bits)
    {
        bits &= EvenBits;
        bits = (bits | (bits >> 1)) & 0x3333_3333_3333_3333;
        bits = (bits | (bits >> 2)) & 0x0F0F_0F0F_0F0F_0F0F;
        bits = (bits | (bits >> 4)) & 0x00FF_00FF_00FF_00FF;
        bits = (bits | (bits >> 8)) & 0x0000_FFFF_0000_FFFF;
        return (uint)(bits | (bits >> 16));
    }
}
