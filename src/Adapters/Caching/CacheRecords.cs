using System.Buffers;

namespace GuestMemFs.Caching;

// What the cache asks of its dictionary.

/// <summary>Copies an entry's value to an array.</summary>
internal struct CopyValue : IRecordReader
{
    public byte[]? Value;
    public CacheExpiry Expiry;
    public long ExpiresAt;

    public void Read(in RecordView record)
    {
        Expiry = CacheExpiry.Read(record.Value);
        ExpiresAt = record.ExpiresAt;
        Value = record.Value[CacheExpiry.Length..].ToArray();
    }
}

/// <summary>Copies an entry's value into a writer's memory; it counts once <see cref="Length"/> is advanced.</summary>
internal struct CopyValueTo(IBufferWriter<byte> destination) : IRecordReader
{
    public int Length;
    public CacheExpiry Expiry;
    public long ExpiresAt;

    public void Read(in RecordView record)
    {
        Expiry = CacheExpiry.Read(record.Value);
        ExpiresAt = record.ExpiresAt;
        ReadOnlySpan<byte> value = record.Value[CacheExpiry.Length..];
        value.CopyTo(destination.GetSpan(Math.Max(value.Length, 1)));
        Length = value.Length;
    }
}

/// <summary>Puts an entry, whatever is there.</summary>
internal readonly struct PutEntry(CacheExpiry expiry, long expiresAt, ReadOnlySequence<byte> value) : IRecordMutation
{
    public static bool ReadsCurrent => false;

    public RecordChange Decide(in RecordView current) =>
        RecordChange.Put(CacheExpiry.Length + (int)value.Length, expiresAt);

    public void Write(in RecordView current, Span<byte> value1)
    {
        expiry.Write(value1);
        value.CopyTo(value1[CacheExpiry.Length..]);
    }
}

/// <summary>A hit: the entry that is there, which may be another one by now, begins its sliding time anew.</summary>
internal readonly struct BeginAnew(long now) : IRecordMutation
{
    public RecordChange Decide(in RecordView current)
    {
        if (!current.Exists)
        {
            return RecordChange.None;
        }

        var expiry = CacheExpiry.Read(current.Value);
        return expiry.IsMovedBy(now, current.ExpiresAt) ? RecordChange.SetExpiry(expiry.After(now)) : RecordChange.None;
    }

    public void Write(in RecordView current, Span<byte> value)
    {
    }
}

/// <summary>Removes an entry, and says how many bytes it had.</summary>
internal struct TakeOut : IRecordMutation
{
    public int Bytes;

    public static bool ReadsCurrent => false;

    public RecordChange Decide(in RecordView current)
    {
        Bytes = current.Exists ? current.Key.Length + current.Value.Length : 0;
        return RecordChange.Remove();
    }

    public readonly void Write(in RecordView current, Span<byte> value)
    {
    }
}
