namespace GuestMemFs;

/// <summary>An open file of a medium. Not thread-safe except for the mapping calls.</summary>
public abstract class MediumFile : IDisposable
{
    /// <summary>The name within the medium.</summary>
    public abstract string Name { get; }

    /// <summary>Length in bytes, as the medium tells it now.</summary>
    public abstract long Length { get; }

    /// <summary>
    /// Bytes of it that have the medium's memory, as the medium tells it now; less than the length where it has holes.
    /// </summary>
    public virtual long Held => Length;

    /// <summary>How many names lead to it; 1 where the medium has no such number.</summary>
    internal virtual uint Links => 1;

    /// <summary>True where the file was opened for writing.</summary>
    public abstract bool IsWritable { get; }

    /// <summary>
    /// Maps the file from its first byte, shared, at a fixed address inside a reservation (MAP_FIXED), left out of core
    /// dumps and of forked children where the kernel allows it. <paramref name="length"/> is at most
    /// <see cref="Length"/>. Huge pages are asked for where the medium wants to be asked.
    /// </summary>
    public abstract void MapAt(nint address, long length, bool writable);

    /// <summary>
    /// Replaces a mapping of <see cref="MapAt"/> by one whose pages can be made this process's own: the file's as long
    /// as nothing stores to them there, which no file sees. False where the medium cannot: then what was there stays.
    /// </summary>
    internal virtual bool TryMapPrivatelyAt(nint address, long length) => false;

    /// <summary>Takes the medium's space for a range now (fallocate), so that no store to it can end in SIGBUS.
    /// A no-op where creation already took it. Fails with <see cref="MediumErrorKind.NoSpace"/>.</summary>
    public abstract void Reserve(long offset, long length);

    /// <summary>
    /// Takes the medium's space again for the first bytes, where it holds less than that: a copy that left pages of
    /// zeros out has holes.
    /// </summary>
    internal void FillHoles(long length)
    {
        if (Held < length)
        {
            Reserve(0, length);
        }
    }

    /// <summary>
    /// The first stretch of a range that the medium has memory for. Its length is 0 where there is none; the whole
    /// range where the medium does not say.
    /// </summary>
    internal virtual (long Offset, long Length) FirstHeld(long offset, long length) => (offset, length);

    /// <summary>
    /// Takes an advisory exclusive lock (flock, LOCK_EX | LOCK_NB); false where somebody has it. Gone with the
    /// descriptor.
    /// </summary>
    public abstract bool TryLock();

    /// <summary>
    /// True where somebody has the lock of <see cref="TryLock"/>, in whatever namespace of processes. Asked without
    /// being taken for a writer.
    /// </summary>
    internal virtual bool IsLocked() => FindLockHolder() is not null;

    /// <summary>
    /// The process that the kernel says has the lock, or null where nobody has it or the kernel does not say (a process
    /// of another PID namespace).
    /// </summary>
    public virtual int? FindLockHolder() => null;

    /// <summary>Gives the range's memory back so that it reads as zeros (hole punch); false where the medium cannot.
    /// The space is not taken any more: <see cref="Reserve"/> the range before it is touched again.</summary>
    public abstract bool TryDiscard(long offset, long length);

    /// <inheritdoc/>
    public void Dispose()
    {
        Dispose(disposing: true);
        GC.SuppressFinalize(this);
    }

    /// <summary>Closes the descriptor; mappings stay.</summary>
    protected virtual void Dispose(bool disposing)
    {
    }
}
