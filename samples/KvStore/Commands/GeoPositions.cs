using KvStore.Engine;
using KvStore.Protocol;
using static KvStore.Commands.CommandFlags;

namespace KvStore.Commands;

/// <summary>GEOADD, GEOPOS, GEODIST, GEOHASH: members of sorted sets as places on the earth.</summary>
internal static class GeoPositions
{
    /// <summary>What clients may call of it.</summary>
    public static Command[] Commands => Command.Family("geo",
    [
        new("geoadd", -5, Write | DenyOom, KeySpec.One, GeoAdd)
        {
            Since = "3.2.0",
            Summary = "Add one or more geospatial items in the geospatial index represented using a sorted set",
        },
        new("geopos", -2, ReadOnly, KeySpec.One, GeoPos)
            { Since = "3.2.0", Summary = "Returns longitude and latitude of members of a geospatial index" },
        new("geodist", -4, ReadOnly, KeySpec.One, GeoDist)
            { Since = "3.2.0", Summary = "Returns the distance between two members of a geospatial index" },
        new("geohash", -2, ReadOnly, KeySpec.One, GeoHash)
            { Since = "3.2.0", Summary = "Returns members of a geospatial index as standard geohash strings" },
    ]);

    public static void GeoAdd(in Call call)
    {
        SortedSets.AddOptions options = default;
        int first = 2;
        while (first < call.Args.Count && IsOption(call, first) && options.TryTake(call, first))
        {
            first++;
        }

        int arguments = call.Args.Count - first;
        if (arguments == 0 || arguments % 3 != 0 || options.Contradicts)
        {
            call.Reply.Error(Errors.Syntax);
            return;
        }

        double[] scores = new double[arguments / 3];
        for (int i = 0; i < scores.Length; i++)
        {
            if (!GeoArguments.TryPoint(call, first + (3 * i), out GeoPoint point))
            {
                return;
            }

            scores[i] = GeoCell.Of(point, GeoCell.MaximumSteps).Score;
        }

        SortedSets.Add(call, options, scores, first + 2, 3);
    }

    public static void GeoPos(in Call call) =>
        ReplyEach(call, GeoArguments.ReplyPoint, static reply => reply.NullArray());

    public static void GeoDist(in Call call)
    {
        double unit = 1;
        if (call.Args.Count == 5 && !GeoArguments.TryUnit(call, 4, out unit))
        {
            return;
        }

        if (call.Args.Count > 5)
        {
            call.Reply.Error(Errors.Syntax);
            return;
        }

        ScoredSet set = call.Engine.SortedSet;
        if (!CollectionCalls.TryRead(call, set))
        {
            return;
        }

        if (TryFind(set, call.Args[2], out GeoPoint from) && TryFind(set, call.Args[3], out GeoPoint to))
        {
            GeoArguments.ReplyDistance(call.Reply, GeoShape.Distance(from, to) / unit);
        }
        else
        {
            call.Reply.Null();
        }
    }

    public static void GeoHash(in Call call) =>
        ReplyEach(call, static (reply, point) => reply.Bulk(GeoCell.TextOf(point)), static reply => reply.Null());

    /// <summary>Where a member is; false where it is none.</summary>
    public static bool TryFind(ScoredSet set, ReadOnlySpan<byte> member, out GeoPoint point)
    {
        bool found = set.TryGetScore(member, out double score);
        point = found ? GeoCell.PointOf(score) : default;
        return found;
    }

    /// <summary>Replies something of each member that is asked for.</summary>
    private static void ReplyEach(in Call call, Action<RespWriter, GeoPoint> found, Action<RespWriter> absent)
    {
        ScoredSet set = call.Engine.SortedSet;
        if (!CollectionCalls.TryRead(call, set))
        {
            return;
        }

        call.Reply.Array(call.Args.Count - 2);
        for (int i = 2; i < call.Args.Count; i++)
        {
            if (TryFind(set, call.Args[i], out GeoPoint point))
            {
                found(call.Reply, point);
            }
            else
            {
                absent(call.Reply);
            }
        }
    }

    private static bool IsOption(in Call call, int index) =>
        call.Args.Is(index, "nx"u8) || call.Args.Is(index, "xx"u8) || call.Args.Is(index, "ch"u8);
}
