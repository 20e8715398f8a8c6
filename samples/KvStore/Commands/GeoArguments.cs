using System.Globalization;
using System.Text;
using KvStore.Protocol;

namespace KvStore.Commands;

/// <summary>Places, units and distances: how geo commands read and reply them.</summary>
internal static class GeoArguments
{
    /// <summary>Reads a longitude and the latitude behind it, or replies what is wrong with them.</summary>
    public static bool TryPoint(in Call call, int at, out GeoPoint point)
    {
        point = default;
        if (!ScoreText.TryParse(call.Args[at], out double longitude)
            || !ScoreText.TryParse(call.Args[at + 1], out double latitude))
        {
            call.Reply.Error(Errors.NotAFloat);
            return false;
        }

        point = new GeoPoint(longitude, latitude);
        if (Math.Abs(longitude) <= GeoCell.LargestLongitude && Math.Abs(latitude) <= GeoCell.LargestLatitude)
        {
            return true;
        }

        call.Reply.Error($"ERR invalid longitude,latitude pair {Shown(longitude)},{Shown(latitude)}");
        return false;
    }

    /// <summary>Reads how many metres a unit has, or replies that it is none.</summary>
    public static bool TryUnit(in Call call, int at, out double metres)
    {
        metres = call.Args.Is(at, "m"u8) ? 1
            : call.Args.Is(at, "km"u8) ? 1000
            : call.Args.Is(at, "ft"u8) ? 0.3048
            : call.Args.Is(at, "mi"u8) ? 1609.34
            : 0;
        if (metres > 0)
        {
            return true;
        }

        call.Reply.Error("ERR unsupported unit provided. please use M, KM, FT, MI"u8);
        return false;
    }

    /// <summary>Reads a circle's radius and its unit, or replies what is wrong with them.</summary>
    public static bool TryCircle(in Call call, int at, ref GeoShape shape)
    {
        if (!TryLength(call, at, "ERR need numeric radius"u8, out double radius))
        {
            return false;
        }

        if (radius < 0)
        {
            call.Reply.Error("ERR radius cannot be negative"u8);
            return false;
        }

        if (!TryUnit(call, at + 1, out double metres))
        {
            return false;
        }

        shape = new GeoShape { Center = shape.Center, Radius = radius, UnitMetres = metres };
        return true;
    }

    /// <summary>Reads a box's width, height and unit, or replies what is wrong with them.</summary>
    public static bool TryBox(in Call call, int at, ref GeoShape shape)
    {
        if (!TryLength(call, at, "ERR need numeric width"u8, out double width)
            || !TryLength(call, at + 1, "ERR need numeric height"u8, out double height))
        {
            return false;
        }

        if (width < 0 || height < 0)
        {
            call.Reply.Error("ERR height or width cannot be negative"u8);
            return false;
        }

        if (!TryUnit(call, at + 2, out double metres))
        {
            return false;
        }

        shape = new GeoShape
            { Center = shape.Center, IsBox = true, Width = width, Height = height, UnitMetres = metres };
        return true;
    }

    public static void ReplyPoint(RespWriter reply, GeoPoint point)
    {
        reply.Array(2);
        ReplyDegrees(reply, point.Longitude);
        ReplyDegrees(reply, point.Latitude);
    }

    /// <summary>With four decimals.</summary>
    public static void ReplyDistance(RespWriter reply, double distance) =>
        reply.Bulk(distance.ToString("F4", CultureInfo.InvariantCulture));

    private static bool TryLength(in Call call, int at, ReadOnlySpan<byte> error, out double length)
    {
        if (ScoreText.TryParse(call.Args[at], out length))
        {
            return true;
        }

        call.Reply.Error(error);
        return false;
    }

    /// <summary>With 17 decimals, trailing zeros cut.</summary>
    private static void ReplyDegrees(RespWriter reply, double degrees)
    {
        string text = degrees.ToString("F17", CultureInfo.InvariantCulture).TrimEnd('0').TrimEnd('.');
        if (reply.Resp3)
        {
            reply.Raw(Encoding.ASCII.GetBytes($",{text}\r\n"));
        }
        else
        {
            reply.Bulk(text);
        }
    }

    // As C's %f.
    private static string Shown(double degrees) =>
        double.IsInfinity(degrees) ? (degrees > 0 ? "inf" : "-inf")
        : degrees.ToString("F6", CultureInfo.InvariantCulture);
}
