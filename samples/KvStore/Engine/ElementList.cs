using System.Buffers.Binary;
using System.Numerics;
using GuestMemFs;

namespace KvStore.Engine;

/// <summary>
/// A list. The keys of a large one are positions: numbers of eight bytes, so that both ends have room, and longer ones
/// between two neighbours.
/// </summary>
internal sealed class ElementList(Keyspace keyspace, ServerOptions options) : Collection(keyspace, RecordType.List)
{
    private const int PositionLength = sizeof(ulong);

    protected override int PiecesPerElement => 1;

    /// <summary>Adds an element before the first or behind the last.</summary>
    public void Push(ReadOnlySpan<byte> element, bool atHead)
    {
        if (!IsLarge && Packed.End + element.Length > options.ListPackedBytes && Packed.Count > 0)
        {
            Grow();
        }

        KeepAfterAll();
        IsChanged = true;
        if (IsLarge)
        {
            Section.Set(PositionAtEnd(atHead), element);
            return;
        }

        Packed.Insert(atHead ? PackedPieces.Start : Packed.End, element);
        if (Packed.Count > options.ListPackedEntries)
        {
            Grow();
        }
    }

    /// <summary>Takes the first or the last one away; there has to be one.</summary>
    public byte[] Pop(bool fromHead)
    {
        byte[] element = At(fromHead ? 0 : Count - 1);
        RemoveRange(fromHead ? 0 : Count - 1, 1);
        return element;
    }

    /// <summary>The element with so many before it, which has to be there.</summary>
    public byte[] At(long index)
    {
        if (IsLarge)
        {
            Section.TryGetAt(index, out KeyValuePair<byte[], byte[]> entry);
            return entry.Value;
        }

        int at = Packed.PlaceOf((int)index);
        return Packed.Read(ref at).ToArray();
    }

    /// <summary>Elements from one on, towards the end.</summary>
    public ListCursor From(long index)
    {
        if (!IsLarge)
        {
            return new ListCursor(Packed, Packed.PlaceOf((int)index));
        }

        bool found = Section.TryGetAt(index, out KeyValuePair<byte[], byte[]> entry);
        return new ListCursor(Section.Scan(found ? entry.Key : [byte.MaxValue, .. new byte[PositionLength]]));
    }

    /// <summary>Puts an element in the place of the one there.</summary>
    public void SetAt(long index, ReadOnlySpan<byte> element)
    {
        if (!IsLarge && Packed.End + element.Length > options.ListPackedBytes)
        {
            Grow();
        }

        IsChanged = true;
        if (IsLarge)
        {
            Section.TryGetAt(index, out KeyValuePair<byte[], byte[]> entry);
            Section.Set(entry.Key, element);
            return;
        }

        int at = Packed.PlaceOf((int)index);
        Packed.Remove(at, 1);
        Packed.Insert(at, element);
    }

    /// <summary>Puts an element before the one there, which has to be there.</summary>
    public void InsertBefore(long index, ReadOnlySpan<byte> element)
    {
        if (!IsLarge && (Packed.End + element.Length > options.ListPackedBytes
            || Packed.Count >= options.ListPackedEntries))
        {
            Grow();
        }

        if (index == 0)
        {
            Push(element, atHead: true);
            return;
        }

        IsChanged = true;
        if (!IsLarge)
        {
            Packed.Insert(Packed.PlaceOf((int)index), element);
            return;
        }

        Section.TryGetAt(index - 1, out KeyValuePair<byte[], byte[]> before);
        Section.TryGetAt(index, out KeyValuePair<byte[], byte[]> behind);
        Section.Set(Between(before.Key, behind.Key), element);
    }

    /// <summary>Removes so many elements from one on; all of them are there.</summary>
    public void RemoveRange(long index, long count)
    {
        if (count == 0)
        {
            return;
        }

        if (count == Count)
        {
            RemoveAll();
            return;
        }

        IsChanged = true;
        if (!IsLarge)
        {
            Packed.Remove(Packed.PlaceOf((int)index), (int)count);
            return;
        }

        List<byte[]> keys = [];
        Section.TryGetAt(index, out KeyValuePair<byte[], byte[]> first);
        foreach (SortedEntry entry in Section.Scan(first.Key))
        {
            keys.Add(entry.Key.ToArray());
            if (keys.Count == count)
            {
                break; // and not to the next one: a group that removes many has left empty leaves before it
            }
        }

        foreach (byte[] key in keys)
        {
            Section.Remove(key);
        }
    }

    protected override void FillLarge()
    {
        ulong position = 1UL << 63;
        Span<byte> key = stackalloc byte[PositionLength];
        for (int at = PackedPieces.Start; at < Packed.End;)
        {
            BinaryPrimitives.WriteUInt64BigEndian(key, position++);
            Section.Set(key, Packed.Read(ref at));
        }
    }

    private static byte[] Between(byte[] before, byte[] behind)
    {
        int length = Math.Max(before.Length, behind.Length) + 1;
        BigInteger middle = (Number(before, length) + Number(behind, length)) / 2;
        byte[] digits = middle.ToByteArray(isUnsigned: true, isBigEndian: true);
        byte[] key = new byte[length];
        digits.CopyTo(key, length - digits.Length);
        int end = length;
        while (end > PositionLength && key[end - 1] == 0)
        {
            end--;
        }

        return key[..end];
    }

    private static BigInteger Number(byte[] key, int length) =>
        new BigInteger(key, isUnsigned: true, isBigEndian: true) << (8 * (length - key.Length));

    private byte[] PositionAtEnd(bool atHead)
    {
        bool any = atHead
            ? Section.TryGetFirst(out KeyValuePair<byte[], byte[]> end)
            : Section.TryGetLast(out end);
        ulong position = any ? BinaryPrimitives.ReadUInt64BigEndian(end.Key) : 1UL << 63;
        byte[] key = new byte[PositionLength];
        BinaryPrimitives.WriteUInt64BigEndian(key, any ? atHead ? position - 1 : position + 1 : position);
        return key;
    }
}

/// <summary>Goes through elements of a list, which must not change meanwhile.</summary>
internal ref struct ListCursor
{
    private readonly SortedMapCursor? _large;
    private readonly PackedPieces? _packed;
    private int _at;

    public ListCursor(SortedMapCursor large) => _large = large;

    public ListCursor(PackedPieces packed, int at)
    {
        _packed = packed;
        _at = at;
    }

    public ReadOnlySpan<byte> Element { get; private set; }

    public bool MoveNext()
    {
        if (_large is not null)
        {
            bool moved = _large.MoveNext();
            Element = moved ? _large.Current.Value : default;
            return moved;
        }

        if (_at >= _packed!.End)
        {
            return false;
        }

        Element = _packed.Read(ref _at);
        return true;
    }
}
