using KvStore.Engine;
using KvStore.Protocol;

namespace KvStore.Commands;

/// <summary>In which order a search replies.</summary>
internal enum GeoOrder
{
    AsFound,
    NearestFirst,
    FarthestFirst,
}

/// <summary>What a search asks for.</summary>
/// <param name="command">The command's name.</param>
/// <param name="set">The sorted set, opened: members are looked up while options are read.</param>
internal sealed class GeoRequest(string command, ScoredSet set)
{
    private readonly bool _isSearch = command.StartsWith("geosearch", StringComparison.Ordinal);
    private readonly bool _isByMember = command.StartsWith("georadiusbymember", StringComparison.Ordinal);
    private readonly bool _mayStore = !command.EndsWith("_ro", StringComparison.Ordinal);
    private GeoShape _shape;
    private bool _hasMember;
    private bool _hasPoint;
    private bool _hasCircle;
    private bool _hasBox;
    private bool _takesAny;

    public GeoShape Shape => _shape;

    public bool WithDistance { get; private set; }

    public bool WithHash { get; private set; }

    public bool WithPoint { get; private set; }

    public GeoOrder Order { get; private set; }

    /// <summary>At most so many; 0: all.</summary>
    public long Count { get; private set; }

    /// <summary>So many ends the search, whichever they are; 0: all are looked at.</summary>
    public long CountFound => _takesAny ? Count : 0;

    /// <summary>The argument that is the key of the result; 0: it is replied.</summary>
    public int StoreAt { get; private set; } = command == "geosearchstore" ? 1 : 0;

    public bool StoresDistances { get; private set; }

    /// <summary>Reads all arguments, or replies what is wrong with them.</summary>
    public bool TryParse(in Call call)
    {
        int first = _isSearch ? (StoreAt > 0 ? 3 : 2) : _isByMember ? 5 : 6;
        if (!_isSearch && !TryRadius(call, first))
        {
            return false;
        }

        for (int i = first; i < call.Args.Count; i++)
        {
            bool known = TryFlag(call, i);
            if (!known && !TryOption(call, ref i, out known))
            {
                return false;
            }

            if (!known)
            {
                call.Reply.Error(Errors.Syntax);
                return false;
            }
        }

        return IsWhole(call);
    }

    /// <summary>The arguments of GEORADIUS and GEORADIUSBYMEMBER that are always there.</summary>
    private bool TryRadius(in Call call, int first)
    {
        if (_isByMember && !set.Exists)
        {
            return true; // whatever they are, there is nothing
        }

        if (_isByMember ? !TryMember(call, 2) : !TryPoint(call, 2))
        {
            return false;
        }

        return GeoArguments.TryCircle(call, first - 2, ref _shape);
    }

    private bool TryFlag(in Call call, int at)
    {
        bool withDistance = call.Args.Is(at, "withdist"u8);
        bool withHash = call.Args.Is(at, "withhash"u8);
        bool withPoint = call.Args.Is(at, "withcoord"u8);
        bool any = call.Args.Is(at, "any"u8);
        bool ascends = call.Args.Is(at, "asc"u8);
        bool descends = call.Args.Is(at, "desc"u8);
        bool distances = command == "geosearchstore" && call.Args.Is(at, "storedist"u8);
        WithDistance |= withDistance;
        WithHash |= withHash;
        WithPoint |= withPoint;
        _takesAny |= any;
        StoresDistances |= distances;
        Order = ascends ? GeoOrder.NearestFirst : descends ? GeoOrder.FarthestFirst : Order;
        return withDistance || withHash || withPoint || any || ascends || descends || distances;
    }

    /// <summary>An option with arguments. False where an error is replied.</summary>
    private bool TryOption(in Call call, ref int at, out bool known)
    {
        int more = call.Args.Count - 1 - at;
        known = more > 0;
        if (known && call.Args.Is(at, "count"u8))
        {
            return TryCount(call, ++at);
        }

        bool distances = call.Args.Is(at, "storedist"u8);
        if (known && !_isSearch && _mayStore && (distances || call.Args.Is(at, "store"u8)))
        {
            StoresDistances = distances;
            StoreAt = ++at;
            return true;
        }

        known = false;
        return !_isSearch || TrySearchOption(call, ref at, more, out known);
    }

    private bool TrySearchOption(in Call call, ref int at, int more, out bool known)
    {
        int first = at + 1;
        known = true;
        if (more >= 1 && !_hasPoint && call.Args.Is(at, "frommember"u8))
        {
            at += 1;
            _hasMember = true;
            return !set.Exists || TryMember(call, first);
        }

        if (more >= 2 && !_hasMember && call.Args.Is(at, "fromlonlat"u8))
        {
            at += 2;
            _hasPoint = true;
            return TryPoint(call, first);
        }

        if (more >= 2 && !_hasBox && call.Args.Is(at, "byradius"u8))
        {
            at += 2;
            _hasCircle = true;
            return GeoArguments.TryCircle(call, first, ref _shape);
        }

        if (more >= 3 && !_hasCircle && call.Args.Is(at, "bybox"u8))
        {
            at += 3;
            _hasBox = true;
            return GeoArguments.TryBox(call, first, ref _shape);
        }

        known = false;
        return true;
    }

    private bool TryCount(in Call call, int at)
    {
        if (!call.TryInteger(at, out long count))
        {
            return false;
        }

        Count = count;
        if (count <= 0)
        {
            call.Reply.Error("ERR COUNT must be > 0"u8);
        }

        return count > 0;
    }

    private bool TryPoint(in Call call, int at)
    {
        bool isPoint = GeoArguments.TryPoint(call, at, out GeoPoint point);
        _shape.Center = point;
        return isPoint;
    }

    private bool TryMember(in Call call, int at)
    {
        bool found = GeoPositions.TryFind(set, call.Args[at], out GeoPoint point);
        _shape.Center = point;
        if (!found)
        {
            call.Reply.Error("ERR could not decode requested zset member"u8);
        }

        return found;
    }

    private bool IsWhole(in Call call)
    {
        string error =
            StoreAt > 0 && (WithDistance || WithHash || WithPoint)
                ? $"ERR {(_isSearch ? "GEOSEARCHSTORE" : "STORE option in GEORADIUS")} is not compatible with "
                    + "WITHDIST, WITHHASH and WITHCOORD options"
            : _isSearch && !_hasMember && !_hasPoint
                ? $"ERR exactly one of FROMMEMBER or FROMLONLAT can be specified for {call.Args.Shown(0)}"
            : _isSearch && !_hasCircle && !_hasBox
                ? $"ERR exactly one of BYRADIUS and BYBOX can be specified for {call.Args.Shown(0)}"
            : _takesAny && Count == 0 ? "ERR the ANY argument requires COUNT argument"
            : "";
        if (error.Length > 0)
        {
            call.Reply.Error(error);
            return false;
        }

        // Some of all that are found: the nearest, where it may not be any.
        bool nearest = Count > 0 && Order == GeoOrder.AsFound && !_takesAny;
        Order = nearest ? GeoOrder.NearestFirst : Order;
        return true;
    }
}
