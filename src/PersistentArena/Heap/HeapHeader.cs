using System.Buffers.Binary;
using System.Numerics;
using GuestMemFs.Format;

namespace GuestMemFs.Heap;

/// <summary>
/// The constant part of a heap's first page: what it is, which features it uses, whose it is, and a checksum over all
/// of that.
/// </summary>
/// <remarks>
/// A feature's bit is stored before the checksum, so after a crash the checksum may be that of the header without the
/// newest feature. Both are accepted; the next writer stores the right one.
/// </remarks>
internal readonly unsafe struct HeapHeader(IHeapSpace space)
{
    private readonly IHeapSpace _space = space;
    private readonly byte* _base = space.Base;

    /// <summary>True where what is freed is zeroed.</summary>
    public bool Erases => (*(ulong*)(_base + HeapFormat.IncompatOffset) & HeapFormat.Erasing) != 0;

    /// <summary>
    /// Makes a heap. The journal's mark is the commit: until it is set, the next open does all this again.
    /// </summary>
    public static void Format(IHeapSpace space)
    {
        if (space.Length < HeapFormat.MinimumLength)
        {
            throw new ArgumentException($"Region '{space.Name}' has {space.Length:N0} bytes; a heap needs at " +
                $"least {HeapFormat.MinimumLength:N0}.", nameof(space));
        }

        byte* start = space.Base;
        // One huge page, where the medium has them: the header and the page table are used all the time.
        space.EnsureBacked(0, HeapFormat.MinimumLength);
        Persist.Fill(start, HeapFormat.FirstPage << HeapFormat.PageShift, 0);
        new HeapFrontier(space).Write(HeapFormat.FirstPage);
        Span<byte> header = stackalloc byte[HeapFormat.ConstantLength];
        header.Clear();
        BinaryPrimitives.WriteUInt64LittleEndian(header, HeapFormat.Magic);
        BinaryPrimitives.WriteUInt64LittleEndian(header[HeapFormat.VersionOffset..], HeapFormat.Version);
        BinaryPrimitives.WriteUInt64LittleEndian(header[HeapFormat.IncompatOffset..], HeapFormat.GroupsOfSeveral);
        BinaryPrimitives.WriteUInt64LittleEndian(header[HeapFormat.NonceOffset..], space.Nonce);
        space.ArenaId.TryWriteBytes(header[HeapFormat.ArenaIdOffset..]);
        Persist.Copy(start, header);
        Persist.Publish((ulong*)(start + HeapFormat.CrcOffset), Crc(start));
        space.MarkFormatted();
    }

    /// <summary>
    /// Makes the header that was copied into a region, with the heap that it is of, this region's own. The journal's
    /// mark is the commit.
    /// </summary>
    /// <exception cref="HeapDamagedException">What was copied is no heap.</exception>
    /// <exception cref="HeapFormatException">It is a newer library's.</exception>
    public static void Adopt(IHeapSpace space)
    {
        space.EnsureBacked(0, HeapFormat.MinimumLength); // A hole that is touched on a full medium would be a signal.
        ulong* words = (ulong*)space.Base;
        if (!IsIntact(space.Base))
        {
            throw new HeapDamagedException(space.Name, 0, "the header that was copied into it does not check");
        }

        Span<byte> id = stackalloc byte[16];
        space.ArenaId.TryWriteBytes(id);
        Persist.Store(words + (HeapFormat.NonceOffset / 8), space.Nonce);
        Persist.Copy(space.Base + HeapFormat.ArenaIdOffset, id);
        Persist.Publish(words + (HeapFormat.CrcOffset / 8), Crc(space.Base));
        new HeapHeader(space).Check();
        new HeapRoots(space).Check(settled: false);
        space.MarkFormatted();
    }

    /// <exception cref="HeapDamagedException">It does not check, or is another region's.</exception>
    /// <exception cref="HeapFormatException">It is a newer library's.</exception>
    public void Check()
    {
        ulong* words = (ulong*)_base;
        if (!IsIntact(_base))
        {
            throw new HeapDamagedException(_space.Name, 0, "its header does not check");
        }

        if (words[HeapFormat.VersionOffset / 8] != HeapFormat.Version
            || (words[HeapFormat.IncompatOffset / 8] & ~HeapFormat.KnownIncompatible) != 0)
        {
            throw new HeapFormatException(_space.Name, words[HeapFormat.VersionOffset / 8],
                words[HeapFormat.IncompatOffset / 8]);
        }

        if (words[HeapFormat.NonceOffset / 8] != _space.Nonce
            || new Guid(new ReadOnlySpan<byte>(_base + HeapFormat.ArenaIdOffset, 16)) != _space.ArenaId)
        {
            throw new HeapDamagedException(_space.Name, HeapFormat.NonceOffset, "its header belongs to another region");
        }

        new HeapFrontier(_space).Read();
    }

    /// <summary>
    /// Notes that a feature is in use, so that a library that does not know it refuses the heap. The caller has the
    /// heap for itself, or holds what keeps others from this word.
    /// </summary>
    public void Require(ulong feature)
    {
        ulong* word = (ulong*)(_base + HeapFormat.IncompatOffset);
        if ((*word & feature) == 0)
        {
            Persist.Publish(word, *word | feature); // COMMIT POINT: feature
            Finish();
        }
    }

    /// <summary>A feature's bit is stored before the checksum: the latter may be missing after a crash.</summary>
    public void Finish()
    {
        ulong* crc = (ulong*)(_base + HeapFormat.CrcOffset);
        ulong whole = Crc(_base);
        if (*crc != whole)
        {
            Persist.Publish(crc, whole);
        }
    }

    private static bool IsIntact(byte* start)
    {
        ulong crc = *(ulong*)(start + HeapFormat.CrcOffset);
        bool intact = crc == Crc(start) || IsWithoutNewest(start, crc);
        return *(ulong*)start == HeapFormat.Magic && Guard.Holds(intact);
    }

    /// <summary>True for the checksum of the header as it was before one of its features came.</summary>
    private static bool IsWithoutNewest(byte* start, ulong crc)
    {
        for (ulong left = HeapFormat.KnownIncompatible; left != 0; left &= left - 1)
        {
            if (crc == Crc(start, left & (0 - left)))
            {
                return true;
            }
        }

        return false;
    }

    private static uint Crc(byte* start, ulong without = 0)
    {
        uint crc = 0x4845_4150;
        for (int i = 0; i < HeapFormat.ConstantLength; i += sizeof(ulong))
        {
            ulong word = *(ulong*)(start + i);
            crc = BitOperations.Crc32C(crc, i == HeapFormat.IncompatOffset ? word & ~without : word);
        }

        return crc;
    }
}
