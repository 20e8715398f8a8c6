using System.Runtime.CompilerServices;
using GuestMemFs.Collections;

namespace GuestMemFs;

/// <summary>
/// A record as it lies in the arena, without a copy. Valid only inside the callback that got it.
/// </summary>
/// <remarks>
/// In an <see cref="IRecordReader"/> the bytes may change under the reader (it is called again then): copy, do not
/// trust.
/// </remarks>
public readonly unsafe ref struct RecordView
{
    // Two words, so that they stay in registers. Where the value lies is known before the header is: the reader looked
    // for a key of that length, so its loads need not wait for the header's.
    private readonly byte* _value;
    private readonly ulong _header;

    private RecordView(byte* value, ulong header)
    {
        _value = value;
        _header = header;
    }

    internal static RecordView Of(byte* record, ulong header) =>
        new(record + RecordFormat.KeyOffset(header) + RecordFormat.KeyLength(header), header);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    internal static RecordView WithValueAt(byte* value, ulong header) => new(value, header);

    /// <summary>
    /// In place of a record that was not found where something was met that cannot be: its key must not be taken for
    /// absent.
    /// </summary>
    internal static RecordView Damaged => new((byte*)RecordFormat.PlainKeyOffset, 0);

    /// <summary>In place of a record that is there, and whose checksum is wrong.</summary>
    internal static RecordView DamagedAt(byte* record) => new(record, 0);

    internal bool IsDamaged => _header == 0 && _value != null;

    /// <summary>The record whose checksum is wrong; null where the damage is another one.</summary>
    internal byte* DamagedRecord => _value == (byte*)RecordFormat.PlainKeyOffset ? null : _value;

    /// <summary>True where there is a record (and it has not expired).</summary>
    public bool Exists => _header != 0;

    /// <summary>The record's type.</summary>
    public RecordType Type => (RecordType)(byte)_header;

    /// <summary>The key's bytes.</summary>
    public ReadOnlySpan<byte> Key => Exists ? RecordFormat.Key(Record, _header) : default;

    /// <summary>The value's bytes; empty where <see cref="IsInteger"/>.</summary>
    public ReadOnlySpan<byte> Value
    {
        [MethodImpl(MethodImplOptions.AggressiveInlining)]
        get => new(_value, RecordFormat.HasFlags(_header) ? FlaggedLength : (int)(_header >> 32));
    }

    /// <summary>True where the value is one 64-bit integer, which is changed in place.</summary>
    public bool IsInteger => (RecordFormat.Flags(_header) & RecordFormat.IsInteger) != 0;

    /// <summary>The integer, where <see cref="IsInteger"/>.</summary>
    public long Integer => IsInteger ? (long)Volatile.Read(ref *RecordFormat.IntegerWord(Record, _header)) : 0;

    /// <summary>When the record expires: milliseconds since 1970-01-01 UTC, or <see cref="NoExpiry"/>.</summary>
    public long ExpiresAt => Exists ? RecordFormat.ExpiresAt(Record, _header) : NoExpiry;

    /// <summary>The value of <see cref="ExpiresAt"/> for a record that does not expire.</summary>
    public const long NoExpiry = RecordFormat.NoExpiry;

    private int FlaggedLength => IsInteger ? 0 : RecordFormat.ValueLength(_header);

    private byte* Record => _value - RecordFormat.KeyLength(_header) - RecordFormat.KeyOffset(_header);
}

/// <summary>
/// Reads a record where it lies. Implement it as a struct: calls are then direct, and nothing is allocated.
/// </summary>
public interface IRecordReader
{
    /// <summary>
    /// Copies what is wanted of the record. <b>May be called more than once for one read</b>: a writer may have
    /// replaced the record meanwhile, and then the earlier call's bytes do not count. Start over each time; make
    /// nothing known before the read has returned.
    /// </summary>
    void Read(in RecordView record);
}

/// <summary>Reads many records; see <see cref="IRecordReader"/> for the rules.</summary>
public interface IBatchReader
{
    /// <summary>The number of keys.</summary>
    int Count { get; }

    /// <summary>The key at an index; the same each time it is asked.</summary>
    ReadOnlySpan<byte> KeyAt(int index);

    /// <summary>Called at least once an index, in rising order, for found and missing keys
    /// (<see cref="RecordView.Exists"/>). The last call for an index counts.</summary>
    void Read(int index, in RecordView record);
}

/// <summary>What a mutation wants done. Made by the static members.</summary>
public readonly struct RecordChange
{
    internal enum Action : byte
    {
        None,
        Put,
        PutInteger,
        SetExpiry,
        Remove,
    }

    private RecordChange(Action kind, RecordType type, int valueLength, long integer, long expiresAt)
    {
        Kind = kind;
        Type = type;
        ValueLength = valueLength;
        Integer = integer;
        ExpiresAt = expiresAt;
    }

    internal Action Kind { get; }

    internal RecordType Type { get; }

    internal int ValueLength { get; }

    internal long Integer { get; }

    internal long ExpiresAt { get; }

    /// <summary>Leave all as it is.</summary>
    public static RecordChange None => default;

    /// <summary>Remove the record.</summary>
    public static RecordChange Remove() => new(Action.Remove, default, 0, 0, 0);

    /// <summary>
    /// Put a value of so many bytes, which <see cref="IRecordMutation.Write"/> fills, in place of what is there.
    /// </summary>
    public static RecordChange Put(
        int valueLength, long expiresAt = RecordView.NoExpiry, RecordType type = RecordType.String) =>
        new(Action.Put, type, valueLength, 0, expiresAt);

    /// <summary>Put an integer: in place, where the record is one already and its expiry stays.</summary>
    public static RecordChange PutInteger(long value, long expiresAt = RecordView.NoExpiry) =>
        new(Action.PutInteger, RecordType.String, sizeof(long), value, expiresAt);

    /// <summary>Change only when the record expires.</summary>
    public static RecordChange SetExpiry(long expiresAt) => new(Action.SetExpiry, default, 0, 0, expiresAt);
}

/// <summary>
/// One atomic read-modify-write of one key. Implement it as a struct: calls are then direct, and nothing is allocated.
/// All mutating commands of a store are one of these.
/// </summary>
public interface IRecordMutation
{
    /// <summary>
    /// False where neither what is done nor what the caller learns hangs on the present value or its expiry. In a
    /// dictionary with checksums, a record whose checksum is wrong is then replaced or removed; else it is refused.
    /// </summary>
    static virtual bool ReadsCurrent => true;

    /// <summary>Decides what is to be done, with the present record (or <see cref="RecordView.Exists"/> false) before
    /// it, while the key is locked. Copy out here what the caller wants of the old value. Must not call the
    /// dictionary.</summary>
    RecordChange Decide(in RecordView current);

    /// <summary>Fills the new value, all of it, after a <see cref="RecordChange.Put"/>; the old record is still there
    /// to read. Must not call the dictionary.</summary>
    void Write(in RecordView current, Span<byte> value);
}

/// <summary>Sees records one after the other; see <see cref="PersistentDictionary"/>'s scan.</summary>
public interface IRecordVisitor
{
    /// <summary>Called for a record, under its lock: copy and return. Must not call the dictionary.</summary>
    void Visit(in RecordView record);
}
