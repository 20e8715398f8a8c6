using KvStore.Access;
using KvStore.Engine;
using KvStore.Protocol;
using static KvStore.Commands.CommandFlags;

namespace KvStore.Commands;

/// <summary>GEOSEARCH, GEORADIUS and their kin: the members near a point.</summary>
/// <remarks>A search walks the ranges of scores of at most nine cells around the point, not all members.</remarks>
internal static class GeoSearch
{
    private const string ByPoint = "Query a sorted set representing a geospatial index to fetch members matching a "
        + "given maximum distance from a point";

    private const string ByMember = "Query a sorted set representing a geospatial index to fetch members matching a "
        + "given maximum distance from a member";

    /// <summary>What clients may call of it.</summary>
    public static Command[] Commands => Command.Family("geo",
    [
        new("geosearch", -7, ReadOnly, KeySpec.One, Search)
        {
            Since = "6.2.0",
            Summary = "Query a sorted set representing a geospatial index to fetch members inside an area of a box "
                + "or a circle.",
        },
        new("geosearchstore", -8, Write | DenyOom, KeySpec.Two, Search)
        {
            SecondKeyAccess = KeyAccess.Read,
            Since = "6.2.0",
            Summary = "Query a sorted set representing a geospatial index to fetch members inside an area of a box "
                + "or a circle, and store the result in another key.",
        },
        new("georadius", -6, Write | DenyOom, KeySpec.OneAndPlacesStored, Search)
        {
            KeyAccess = KeyAccess.Read,
            SecondKeyAccess = KeyAccess.Write,
            Event = "georadiusstore",
            Since = "3.2.0",
            Summary = ByPoint,
        },
        new("georadius_ro", -6, ReadOnly, KeySpec.One, Search) { Since = "3.2.10", Summary = "A read-only variant for "
            + "GEORADIUS" },
        new("georadiusbymember", -5, Write | DenyOom, KeySpec.OneAndPlacesStored, Search)
        {
            KeyAccess = KeyAccess.Read,
            SecondKeyAccess = KeyAccess.Write,
            Event = "georadiusstore",
            Since = "3.2.0",
            Summary = ByMember,
        },
        new("georadiusbymember_ro", -5, ReadOnly, KeySpec.One, Search)
            { Since = "3.2.10", Summary = "A read-only variant for GEORADIUSBYMEMBER" },
    ]);

    /// <summary>All of them: what differs is in their arguments.</summary>
    public static void Search(in Call call)
    {
        ScoredSet set = call.Engine.NewSortedSet();
        if (!CollectionCalls.TryRead(call, set, call.Args[call.Command.Name == "geosearchstore" ? 2 : 1]))
        {
            return;
        }

        GeoRequest request = new(call.Command.Name, set);
        if (!request.TryParse(call))
        {
            return;
        }

        List<Found> found = set.Exists ? Find(set, request) : [];
        Sort(found, request.Order);
        if (request.Count > 0 && found.Count > request.Count)
        {
            found.RemoveRange((int)request.Count, found.Count - (int)request.Count);
        }

        if (request.StoreAt == 0)
        {
            Reply(call, request, found);
            return;
        }

        double unit = request.Shape.UnitMetres;
        List<Scored> results = found.ConvertAll(it =>
            new Scored(it.Member, request.StoresDistances ? it.Metres / unit : it.Score));
        CollectionCalls.Store(
            call, call.Args[request.StoreAt], call.Engine.SortedSet, results,
            static (result, each) => result.Set(each.Member, each.Score));
    }

    private static List<Found> Find(ScoredSet set, GeoRequest request)
    {
        List<Found> found = [];
        GeoShape shape = request.Shape;
        foreach (GeoCell cell in shape.Cells())
        {
            set.VisitScores(cell.LeastScore, cell.NextScore, (member, score) =>
            {
                GeoPoint point = GeoCell.PointOf(score);
                if (shape.Contains(point, out double metres))
                {
                    found.Add(new Found(member.ToArray(), score, point, metres));
                }

                return !IsEnough();
            });
            if (IsEnough())
            {
                break;
            }
        }

        return found;

        bool IsEnough() => request.CountFound > 0 && found.Count >= request.CountFound;
    }

    /// <summary>Members at the same distance stay as they were found.</summary>
    private static void Sort(List<Found> found, GeoOrder order)
    {
        if (order == GeoOrder.AsFound)
        {
            return;
        }

        Found[] sorted = order == GeoOrder.NearestFirst
            ? [.. found.OrderBy(static it => it.Metres)]
            : [.. found.OrderByDescending(static it => it.Metres)];
        found.Clear();
        found.AddRange(sorted);
    }

    private static void Reply(in Call call, GeoRequest request, List<Found> found)
    {
        int options = (request.WithDistance ? 1 : 0) + (request.WithHash ? 1 : 0) + (request.WithPoint ? 1 : 0);
        call.Reply.Array(found.Count);
        foreach (Found each in found)
        {
            if (options > 0)
            {
                call.Reply.Array(1 + options);
            }

            call.Reply.Bulk(each.Member);
            if (request.WithDistance)
            {
                GeoArguments.ReplyDistance(call.Reply, each.Metres / request.Shape.UnitMetres);
            }

            if (request.WithHash)
            {
                call.Reply.Integer((long)each.Score);
            }

            if (request.WithPoint)
            {
                GeoArguments.ReplyPoint(call.Reply, each.Point);
            }
        }
    }

    private readonly record struct Found(byte[] Member, double Score, GeoPoint Point, double Metres);
}
