using KvStore.Engine;
using KvStore.Protocol;

namespace KvStore.Commands;

/// <summary>What XADD and XTRIM say of entries that are to go, and XADD of the id.</summary>
internal struct TrimArguments
{
    private const long DefaultStep = 100;

    private const long DefaultLimitInSteps = 100;

    // What is not trimmed to the last entry is trimmed in as many as a block of Redis has.
    private long _step;

    private long _length;
    private StreamId _firstId;
    private bool _byLength;
    private bool _isRough;
    private long? _limit;

    /// <summary>True where something is to be trimmed.</summary>
    public bool Trims { get; private set; }

    /// <summary>True where there has to be a stream already.</summary>
    public bool NoMakeStream { get; private set; }

    /// <summary>The argument that is the id.</summary>
    public int IdAt { get; private set; }

    /// <summary>The id, where it is not for the server to choose.</summary>
    public StreamId? Id { get; private set; }

    /// <summary>True where the server chooses its number.</summary>
    public bool IsOpen { get; private set; }

    /// <summary>Reads the arguments, or replies what is wrong with them.</summary>
    public static bool TryRead(in Call call, bool isAdd, out TrimArguments trim)
    {
        trim = default;
        long step = call.Engine.Options.StreamStep;
        trim._step = step == 0 ? DefaultStep : step;
        int at = 2;
        while (at < call.Args.Count && !(isAdd && call.Args[at].SequenceEqual("*"u8)))
        {
            if (!trim.TryOption(call, ref at, isAdd, out bool isId))
            {
                return false;
            }

            if (isId)
            {
                break;
            }
        }

        trim.IdAt = at;
        return trim.FitsTogether(call, isAdd);
    }

    /// <summary>How many entries are to go, the first ones.</summary>
    public readonly long CountOf(EntryStream stream)
    {
        long length = stream.Facts.Length;
        long count = _byLength ? Math.Max(0, length - _length)
            : _firstId.TryPrevious(out StreamId last) ? stream.CountRange(StreamId.Zero, last)
            : 0;
        if (!_isRough)
        {
            return count;
        }

        long limit = _limit ?? DefaultLimitInSteps * _step;
        count -= count == length ? 0 : count % _step;
        return limit > 0 && count > limit ? limit - (limit % _step) : count;
    }

    private bool TryOption(in Call call, ref int at, bool isAdd, out bool isId)
    {
        isId = false;
        bool hasMore = at + 1 < call.Args.Count;
        if (hasMore && (call.Args.Is(at, "maxlen"u8) || call.Args.Is(at, "minid"u8)))
        {
            return TryStrategy(call, ref at);
        }

        if (hasMore && call.Args.Is(at, "limit"u8))
        {
            return TryLimit(call, ref at);
        }

        if (!isAdd)
        {
            call.Reply.Error(Errors.Syntax);
            return false;
        }

        if (call.Args.Is(at, "nomkstream"u8))
        {
            NoMakeStream = true;
            at++;
            return true;
        }

        isId = StreamArguments.TryOpenId(call, at, out StreamId id, out bool isOpen);
        Id = id;
        IsOpen = isOpen;
        return isId;
    }

    private bool TryStrategy(in Call call, ref int at)
    {
        if (Trims)
        {
            call.Reply.Error("ERR syntax error, MAXLEN and MINID options at the same time are not compatible"u8);
            return false;
        }

        _byLength = call.Args.Is(at, "maxlen"u8);
        at++;
        bool hasSign = at + 1 < call.Args.Count;
        _isRough = hasSign && call.Args[at].SequenceEqual("~"u8);
        at += hasSign && (_isRough || call.Args[at].SequenceEqual("="u8)) ? 1 : 0;
        Trims = true;
        if (!_byLength)
        {
            return StreamArguments.TryId(call, at++, out _firstId);
        }

        if (!call.TryInteger(at++, out _length))
        {
            return false;
        }

        if (_length < 0)
        {
            call.Reply.Error("ERR The MAXLEN argument must be >= 0."u8);
        }

        return _length >= 0;
    }

    private bool TryLimit(in Call call, ref int at)
    {
        if (!call.TryInteger(at + 1, out long limit))
        {
            return false;
        }

        if (limit < 0)
        {
            call.Reply.Error("ERR The LIMIT argument must be >= 0."u8);
            return false;
        }

        _limit = limit;
        at += 2;
        return true;
    }

    private readonly bool FitsTogether(in Call call, bool isAdd)
    {
        string? wrong = _limit > 0 && !Trims
            ? "LIMIT cannot be used without specifying a trimming strategy"
            : !isAdd && !Trims ? "XTRIM must be called with a trimming strategy"
            : _limit is not null && !_isRough ? "LIMIT cannot be used without the special ~ option"
            : null;
        if (wrong is not null)
        {
            call.Reply.Error($"ERR syntax error, {wrong}");
        }

        return wrong is null;
    }
}
