using KvStore.Memory;
using KvStore.Protocol;

namespace KvStore.Rdb;

/// <summary>
/// Reads objects of dumps, of the versions 1 to 12, and tells a target what they have. One reads what RESTORE gets and
/// what a file has.
/// </summary>
/// <remarks>It takes memory for one string at a time: a packed collection is one. Its time is linear in the bytes,
/// those of compressed strings counted when they are expanded.</remarks>
internal sealed class ObjectReader(RdbInput input, IDumpedObject target) : IDisposable
{
    private const ulong LatestTime = 0x0000_FFFF_FFFF_FFFF;
    private const int PlainNode = 1;
    private const int PackedNode = 2;

    private readonly GrowingBuffer _first = new();
    private readonly GrowingBuffer _second = new();

    public void Dispose()
    {
        _first.Dispose();
        _second.Dispose();
    }

    /// <summary>Reads an object whose type was read before it.</summary>
    /// <exception cref="RdbFormatException">The bytes are not those of an object.</exception>
    public void Read(RdbType type)
    {
        switch (type)
        {
            case RdbType.String:
                input.ReadString(_first);
                target.SetString(_first.Span);
                return;
            case RdbType.List or RdbType.ListZiplist or RdbType.ListQuicklist or RdbType.ListQuicklist2:
                target.BeginList();
                ReadList(type);
                return;
            case RdbType.Set or RdbType.SetIntset or RdbType.SetListpack:
                target.BeginSet();
                ReadSet(type);
                return;
            case RdbType.SortedSet or RdbType.SortedSet2 or RdbType.SortedSetZiplist or RdbType.SortedSetListpack:
                target.BeginSortedSet();
                ReadSortedSet(type);
                return;
            case RdbType.StreamListpacks or RdbType.StreamListpacks2 or RdbType.StreamListpacks3:
                new StreamObjectReader(input, target.BeginStream(), _first).Read(type);
                return;
            default:
                target.BeginHash();
                ReadHash(type);
                return;
        }
    }

    private static RdbFormatException Twice() => new("An element is there twice.");

    private void ReadList(RdbType type)
    {
        if (type == RdbType.ListZiplist)
        {
            input.ReadString(_first);
            var ziplist = new ZiplistReader(_first.Span);
            AddElements(ref ziplist);
            return;
        }

        for (ulong left = input.ReadCount(); left > 0; left--)
        {
            ulong node = type == RdbType.ListQuicklist2 ? input.ReadLength() : PlainNode;
            if (node is not (PlainNode or PackedNode))
            {
                throw new RdbFormatException("A node of a list is of a kind that is not known.");
            }

            input.ReadString(_first);
            if (type == RdbType.ListQuicklist)
            {
                var ziplist = new ZiplistReader(_first.Span);
                AddElements(ref ziplist);
            }
            else if (node == PackedNode)
            {
                var listpack = new ListpackReader(_first.Span);
                AddElements(ref listpack);
            }
            else
            {
                target.AddElement(_first.Span);
            }
        }
    }

    private void AddElements<TReader>(ref TReader reader)
        where TReader : struct, IPackedReader, allows ref struct
    {
        Span<byte> scratch = stackalloc byte[Numbers.MaxIntegerLength];
        RequireFirst(ref reader);
        do
        {
            target.AddElement(reader.Current.Text(scratch));
        }
        while (reader.MoveNext());
    }

    private void ReadSet(RdbType type)
    {
        if (type == RdbType.Set)
        {
            for (ulong left = input.ReadCount(); left > 0; left--)
            {
                input.ReadString(_first);
                AddMember(_first.Span);
            }

            return;
        }

        input.ReadString(_first);
        if (type == RdbType.SetIntset)
        {
            var intset = new IntsetReader(_first.Span);
            AddMembers(ref intset);
        }
        else
        {
            var listpack = new ListpackReader(_first.Span);
            AddMembers(ref listpack);
        }
    }

    private void AddMembers<TReader>(ref TReader reader)
        where TReader : struct, IPackedReader, allows ref struct
    {
        Span<byte> scratch = stackalloc byte[Numbers.MaxIntegerLength];
        RequireFirst(ref reader);
        do
        {
            AddMember(reader.Current.Text(scratch));
        }
        while (reader.MoveNext());
    }

    private void AddMember(ReadOnlySpan<byte> member)
    {
        if (!target.AddMember(member))
        {
            throw Twice();
        }
    }

    private void ReadSortedSet(RdbType type)
    {
        if (type is RdbType.SortedSet or RdbType.SortedSet2)
        {
            for (ulong left = input.ReadCount(); left > 0; left--)
            {
                input.ReadString(_first);
                AddScored(_first.Span, type == RdbType.SortedSet ? ReadTextScore() : input.ReadDouble());
            }

            return;
        }

        input.ReadString(_first);
        if (type == RdbType.SortedSetZiplist)
        {
            var ziplist = new ZiplistReader(_first.Span);
            AddScored(ref ziplist);
        }
        else
        {
            var listpack = new ListpackReader(_first.Span);
            AddScored(ref listpack);
        }
    }

    private void AddScored<TReader>(ref TReader reader)
        where TReader : struct, IPackedReader, allows ref struct
    {
        Span<byte> member = stackalloc byte[Numbers.MaxIntegerLength];
        Span<byte> score = stackalloc byte[Numbers.MaxIntegerLength];
        RequireFirst(ref reader);
        do
        {
            ReadOnlySpan<byte> name = reader.Current.Text(member);
            AddScored(name, Score(Next(ref reader).Text(score)));
        }
        while (reader.MoveNext());
    }

    private void AddScored(ReadOnlySpan<byte> member, double score)
    {
        if (double.IsNaN(score))
        {
            throw new RdbFormatException("A score is not a number.");
        }

        if (!target.AddScored(member, score))
        {
            throw Twice();
        }
    }

    private static double Score(ReadOnlySpan<byte> text) => ScoreText.TryParse(text, out double score)
        ? score
        : throw new RdbFormatException("A score is no number.");

    private double ReadTextScore()
    {
        byte length = input.ReadByte();
        switch (length)
        {
            case 255:
                return double.NegativeInfinity;
            case 254:
                return double.PositiveInfinity;
            case 253:
                return double.NaN;
            default:
                Span<byte> text = stackalloc byte[length];
                input.ReadBytes(text);
                return Score(text);
        }
    }

    private void ReadHash(RdbType type)
    {
        switch (type)
        {
            case RdbType.Hash or RdbType.HashMetadata or RdbType.HashMetadataBefore74:
                ReadFields(type);
                return;
            case RdbType.HashZipmap:
                input.ReadString(_first);
                var zipmap = new ZipmapReader(_first.Span);
                AddFields(ref zipmap, areTimed: false);
                return;
            case RdbType.HashZiplist:
                input.ReadString(_first);
                var ziplist = new ZiplistReader(_first.Span);
                AddFields(ref ziplist, areTimed: false);
                return;
            case RdbType.HashListpack or RdbType.HashListpackEx or RdbType.HashListpackExBefore74:
                _ = type == RdbType.HashListpackEx ? ReadEarliest() : 0;
                input.ReadString(_first);
                var listpack = new ListpackReader(_first.Span);
                AddFields(ref listpack, areTimed: type != RdbType.HashListpack);
                return;
            default:
                throw new RdbFormatException("An object's type is not known.");
        }
    }

    private void ReadFields(RdbType type)
    {
        ulong earliest = type == RdbType.HashMetadata ? ReadEarliest() : 1;
        for (ulong left = input.ReadCount(); left > 0; left--)
        {
            ulong time = type == RdbType.Hash ? 0 : input.ReadLength();
            time = time is 0 or > LatestTime ? time : time + earliest - 1;
            input.ReadString(_first);
            input.ReadString(_second);
            AddField(_first.Span, _second.Span, time);
        }
    }

    private void AddFields<TReader>(ref TReader reader, bool areTimed)
        where TReader : struct, IPackedReader, allows ref struct
    {
        Span<byte> field = stackalloc byte[Numbers.MaxIntegerLength];
        Span<byte> value = stackalloc byte[Numbers.MaxIntegerLength];
        RequireFirst(ref reader);
        do
        {
            ReadOnlySpan<byte> name = reader.Current.Text(field);
            ReadOnlySpan<byte> bytes = Next(ref reader).Text(value);
            AddField(name, bytes, areTimed ? (ulong)Next(ref reader).Number() : 0);
        }
        while (reader.MoveNext());
    }

    private void AddField(ReadOnlySpan<byte> field, ReadOnlySpan<byte> value, ulong time)
    {
        if (time > LatestTime)
        {
            throw new RdbFormatException("A field expires at a time that cannot be.");
        }

        if (!target.AddField(field, value, (long)time))
        {
            throw Twice();
        }
    }

    private ulong ReadEarliest()
    {
        ulong earliest = (ulong)input.ReadInt64();
        return earliest <= LatestTime + 1
            ? earliest
            : throw new RdbFormatException("The earliest time of fields cannot be.");
    }

    private static void RequireFirst<TReader>(ref TReader reader)
        where TReader : struct, IPackedReader, allows ref struct
    {
        if (!reader.MoveNext())
        {
            throw new RdbFormatException("An object has no elements.");
        }
    }

    private static PackedElement Next<TReader>(ref TReader reader)
        where TReader : struct, IPackedReader, allows ref struct => reader.MoveNext()
            ? reader.Current
            : throw new RdbFormatException("A packed object ends in the middle of an element.");
}
