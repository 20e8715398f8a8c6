using System.Buffers;
using GuestMemFs.Collections;

namespace GuestMemFs;

/// <summary>
/// A crash-safe run of bytes of any length in a <see cref="PersistentHeap"/>, read, written and appended to by ranges:
/// a change costs what it changes, not what is there. A change that has returned is there after SIGKILL; one that was
/// in flight is whole or absent.
/// </summary>
/// <remarks>
/// <para>It lies in chunks of 4,080 bytes in a <see cref="PersistentSortedMap"/>; what was never written takes no
/// memory and reads as zeros. A change within one chunk is one store. One of several chunks, and <see
/// cref="SetLength"/>, is a group (<see cref="PersistentHeap.BeginAtomic"/>), or part of the one that the thread has
/// open.</para>
/// <para>Thread-safe. Reads take no lock and never wait for a writer, in this process or in another one. A read sees
/// each chunk as it was at one instant; beside a writer, two chunks may be of two instants.</para>
/// </remarks>
public sealed class PersistentBytes
{
    private const int ChunkLength = 4080;

    private readonly ByteChunks _chunks;
    private readonly int _chunkLength;

    private PersistentBytes(PersistentSortedMap map, int chunkLength, byte[] prefix)
    {
        _chunks = new ByteChunks(map, chunkLength, prefix);
        _chunkLength = chunkLength;
    }

    /// <summary>The number of bytes, those included that were never written.</summary>
    public long Length => _chunks.Length;

    /// <summary>
    /// Bytes that the chunks' blocks take; of <see cref="NestedCollections.Bytes"/>, as if each chunk were whole.
    /// </summary>
    public long RecordBytes => _chunks.RecordBytes;

    /// <summary>Opens the bytes of that name (1 to 31 bytes of UTF-8) in the heap, or creates them: none.</summary>
    /// <exception cref="HeapLayoutException">The name is taken by something else.</exception>
    /// <exception cref="ArenaOutOfSpaceException">There is no room for new ones.</exception>
    /// <exception cref="AtomicGroupException">They are not there, and this thread has a group open.</exception>
    public static PersistentBytes OpenOrCreate(PersistentHeap heap, string name) =>
        new(PersistentSortedMap.OpenAs(heap, name, TreeKind.Bytes), ChunkLength, []);

    /// <summary>Bytes whose chunks are entries of a sorted map that others have entries in too.</summary>
    internal static PersistentBytes Within(PersistentSortedMap map, int chunkLength, byte[] prefix) =>
        new(map, chunkLength, prefix);

    /// <summary>Copies bytes from an offset on; returns how many: fewer where the end comes before.</summary>
    public int Read(long offset, Span<byte> destination) => _chunks.ReadToEnd(offset, destination);

    /// <summary>Writes up to so many bytes from an offset on to a writer; returns how many there were.</summary>
    public long Read(long offset, long count, IBufferWriter<byte> destination)
    {
        ArgumentOutOfRangeException.ThrowIfNegative(offset);
        ArgumentOutOfRangeException.ThrowIfNegative(count);
        ArgumentNullException.ThrowIfNull(destination);
        long there = Math.Clamp(Length - offset, 0, count);
        for (long done = 0; done < there;)
        {
            int part = (int)Math.Min(there - done, _chunkLength - ((offset + done) % _chunkLength));
            int read = _chunks.ReadToEnd(offset + done, destination.GetSpan(part)[..part]);
            destination.Advance(read);
            done += read;
            if (read < part)
            {
                return done; // the end has come nearer meanwhile
            }
        }

        return there;
    }

    /// <summary>
    /// Writes bytes from an offset on, all or none. Behind the end: what is between it and the offset are zeros.
    /// </summary>
    /// <exception cref="ArgumentOutOfRangeException">The end would be behind the last number that there is.</exception>
    /// <exception cref="ArenaOutOfSpaceException">There is no room; nothing was changed.</exception>
    public void Write(long offset, ReadOnlySpan<byte> bytes) => _chunks.Write(offset, bytes);

    /// <summary>Writes several runs of bytes, one after the other, all or none of them.</summary>
    /// <inheritdoc cref="Write(long, ReadOnlySpan{byte})" path="/exception"/>
    public void Write(ReadOnlySpan<(long Offset, ReadOnlyMemory<byte> Bytes)> parts) => _chunks.Write(parts);

    /// <summary>
    /// Writes bytes behind the end, all or none; returns the offset at which they begin. Of two threads that append,
    /// one comes behind the other.
    /// </summary>
    /// <inheritdoc cref="Write(long, ReadOnlySpan{byte})" path="/exception"/>
    public long Append(ReadOnlySpan<byte> bytes) => _chunks.Append(bytes);

    /// <summary>
    /// Puts the end somewhere else, all or nothing: what is behind it is gone, or what is before it and was never
    /// written are zeros, which take no memory.
    /// </summary>
    /// <remarks>A group: other writers of the heap wait, and its log takes 24 bytes a chunk meanwhile.</remarks>
    /// <exception cref="ArenaOutOfSpaceException">There is no room; nothing was changed.</exception>
    public void SetLength(long length) => _chunks.SetLength(length);

    /// <summary>
    /// A stream over the bytes, from the first one on. What it has written is there at once; it has no buffer. For one
    /// thread at a time.
    /// </summary>
    public Stream AsStream() => new BytesStream(_chunks);
}
