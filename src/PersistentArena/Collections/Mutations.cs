using System.Buffers;
using System.Globalization;
using System.Text;

namespace GuestMemFs.Collections;

// What PersistentDictionary's plain methods ask of Mutate and TryRead.

internal struct Look : IRecordReader
{
    public readonly void Read(in RecordView record)
    {
    }
}

internal struct CopyOut : IRecordReader
{
    public byte[]? Value;

    public void Read(in RecordView record) => Value = ToBytes(record);

    /// <summary>The value's bytes; an integer's as digits.</summary>
    public static ReadOnlySpan<byte> Bytes(in RecordView record) => record.IsInteger ? ToBytes(record) : record.Value;

    public static byte[] ToBytes(in RecordView record) =>
        record.IsInteger ? Encoding.ASCII.GetBytes(record.Integer.ToString(CultureInfo.InvariantCulture))
            : record.Value.ToArray();

    // A time up to 1970 is in the past, and not RecordView.NoExpiry.
    public static long Milliseconds(DateTimeOffset? time) =>
        time is { } at ? Math.Max(at.ToUnixTimeMilliseconds(), 1) : RecordView.NoExpiry;
}

/// <summary>Puts a value's bytes in place of what a writer has.</summary>
internal readonly struct CopyTo(ArrayBufferWriter<byte> to) : IRecordReader
{
    public void Read(in RecordView record)
    {
        to.ResetWrittenCount(); // It may be called again.
        to.Write(CopyOut.Bytes(record));
    }
}

internal readonly ref struct SetValue(ReadOnlySpan<byte> value, DateTimeOffset? expiresAt) : IRecordMutation
{
    private readonly ReadOnlySpan<byte> _value = value;

    public static bool ReadsCurrent => false;

    public RecordChange Decide(in RecordView current) =>
        RecordChange.Put(_value.Length, CopyOut.Milliseconds(expiresAt));

    public void Write(in RecordView current, Span<byte> value) => _value.CopyTo(value);
}

internal ref struct AddValue(ReadOnlySpan<byte> value, DateTimeOffset? expiresAt) : IRecordMutation
{
    private readonly ReadOnlySpan<byte> _value = value;

    public bool Done { get; private set; }

    public RecordChange Decide(in RecordView current)
    {
        Done = !current.Exists;
        return Done ? RecordChange.Put(_value.Length, CopyOut.Milliseconds(expiresAt)) : RecordChange.None;
    }

    public readonly void Write(in RecordView current, Span<byte> value) => _value.CopyTo(value);
}

internal ref struct UpdateValue(ReadOnlySpan<byte> value, ReadOnlySpan<byte> comparand) : IRecordMutation
{
    private readonly ReadOnlySpan<byte> _value = value;
    private readonly ReadOnlySpan<byte> _comparand = comparand;

    public bool Done { get; private set; }

    public RecordChange Decide(in RecordView current)
    {
        Done = current.Exists && CopyOut.Bytes(current).SequenceEqual(_comparand);
        return Done ? RecordChange.Put(_value.Length, current.ExpiresAt) : RecordChange.None;
    }

    public readonly void Write(in RecordView current, Span<byte> value) => _value.CopyTo(value);
}

internal ref struct ExchangeValue(ReadOnlySpan<byte> value) : IRecordMutation
{
    private readonly ReadOnlySpan<byte> _value = value;

    public byte[]? Old { get; private set; }

    public RecordChange Decide(in RecordView current)
    {
        Old = current.Exists ? CopyOut.ToBytes(current) : null;
        return RecordChange.Put(_value.Length);
    }

    public readonly void Write(in RecordView current, Span<byte> value) => _value.CopyTo(value);
}

internal struct AddInteger(long by) : IRecordMutation
{
    public long Sum { get; private set; }

    public RecordChange Decide(in RecordView current)
    {
        long present = !current.Exists ? 0
            : current.IsInteger ? current.Integer
            : long.Parse(current.Value, NumberStyles.AllowLeadingSign, CultureInfo.InvariantCulture);
        Sum = checked(present + by);
        return RecordChange.PutInteger(Sum, current.ExpiresAt);
    }

    public readonly void Write(in RecordView current, Span<byte> value)
    {
    }
}

/// <summary>An integer where there are checksums: as its digits, in a record of its own.</summary>
internal readonly struct PutDigits(RecordChange integer) : IRecordMutation
{
    private const int Longest = 20;

    public RecordChange Decide(in RecordView current)
    {
        integer.Integer.TryFormat(stackalloc byte[Longest], out int count, provider: CultureInfo.InvariantCulture);
        return RecordChange.Put(count, integer.ExpiresAt, integer.Type);
    }

    public void Write(in RecordView current, Span<byte> value) =>
        integer.Integer.TryFormat(value, out _, provider: CultureInfo.InvariantCulture);
}

internal struct ChangeExpiry(DateTimeOffset? expiresAt) : IRecordMutation
{
    public bool Done { get; private set; }

    public RecordChange Decide(in RecordView current)
    {
        Done = current.Exists;
        return RecordChange.SetExpiry(CopyOut.Milliseconds(expiresAt));
    }

    public readonly void Write(in RecordView current, Span<byte> value)
    {
    }
}

/// <summary>Removes a record, and puts its value's bytes in place of what a writer has.</summary>
internal struct TakeOut(ArrayBufferWriter<byte> to) : IRecordMutation
{
    public bool Done { get; private set; }

    public RecordChange Decide(in RecordView current)
    {
        Done = current.Exists;
        if (Done)
        {
            new CopyTo(to).Read(current);
        }

        return RecordChange.Remove();
    }

    public readonly void Write(in RecordView current, Span<byte> value)
    {
    }
}

internal struct RemoveValue : IRecordMutation
{
    public static bool ReadsCurrent => false;

    public bool Done { get; private set; }

    public RecordChange Decide(in RecordView current)
    {
        Done = current.Exists;
        return RecordChange.Remove();
    }

    public readonly void Write(in RecordView current, Span<byte> value)
    {
    }
}
