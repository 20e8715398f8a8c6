namespace GuestMemFs.CrashLab;

/// <summary>
/// One thing that outlives the process: a store, or a change of the medium's files. Done and undone on a
/// <see cref="LabWorld"/> in order.
/// </summary>
internal abstract class LabEvent
{
    public abstract void Apply(LabWorld world);

    public abstract void Revert(LabWorld world);
}

/// <summary>A store to the medium's memory.</summary>
internal sealed class StoreEvent(long offset, StoredBytes old, StoredBytes bytes, bool publishes) : LabEvent
{
    public long Offset => offset;

    public StoredBytes Old => old;

    public StoredBytes Bytes => bytes;

    public int Length => bytes.Length;

    public bool Publishes => publishes;

    public override void Apply(LabWorld world) => world.Poke(offset, bytes, 0, bytes.Length);

    public override void Revert(LabWorld world) => world.Poke(offset, old, 0, old.Length);

    public override string ToString() => $"{(publishes ? "publish" : "store")} of {bytes.Length} bytes";
}

/// <summary>
/// Bytes that were or are stored; where they are all the same, one of them stands for all, because a scrubbed extent
/// has millions.
/// </summary>
internal readonly struct StoredBytes
{
    private readonly byte[] _bytes;

    public StoredBytes(ReadOnlySpan<byte> bytes)
    {
        Length = bytes.Length;
        bool uniform = bytes.Length > 4096 && bytes.IndexOfAnyExcept(bytes[0]) < 0;
        _bytes = GC.AllocateUninitializedArray<byte>(uniform ? 1 : bytes.Length);
        bytes[.._bytes.Length].CopyTo(_bytes);
    }

    public int Length { get; }

    /// <summary>Writes a part of them.</summary>
    public void CopyTo(int from, Span<byte> target)
    {
        if (_bytes.Length == Length)
        {
            _bytes.AsSpan(from, target.Length).CopyTo(target);
        }
        else
        {
            target.Fill(_bytes[0]);
        }
    }
}

/// <summary>A name appears; the file is empty.</summary>
internal sealed class CreateEvent(LabFile file) : LabEvent
{
    public override void Apply(LabWorld world) => world.Files.Add(file);

    public override void Revert(LabWorld world) => world.Files.Remove(file);

    public override string ToString() => $"creation of {file.Name}";
}

/// <summary>The one ftruncate.</summary>
internal sealed class LengthEvent(LabFile file, long length) : LabEvent
{
    public override void Apply(LabWorld world) => file.Length = length;

    public override void Revert(LabWorld world) => file.Length = 0;

    public override string ToString() => $"ftruncate of {file.Name}";
}

/// <summary>A name goes.</summary>
internal sealed class DeleteEvent(LabFile file, int index) : LabEvent
{
    public LabFile File => file;

    public override void Apply(LabWorld world) => world.Files.Remove(file);

    public override void Revert(LabWorld world) => world.Files.Insert(Math.Min(index, world.Files.Count), file);

    public override string ToString() => $"unlink of {file.Name}";
}

/// <summary>msync and fsync: what was stored and named before is safe from a loss of power.</summary>
internal sealed class FlushEvent : LabEvent
{
    public override void Apply(LabWorld world)
    {
    }

    public override void Revert(LabWorld world)
    {
    }

    public override string ToString() => "flush";
}

/// <summary>A file: a range of the world's memory that is its own.</summary>
internal sealed class LabFile(string name, long start)
{
    public string Name => name;

    public long Start => start;

    public long Length { get; set; }

    /// <summary>Who holds the lock.</summary>
    public object? Locked { get; set; }
}
