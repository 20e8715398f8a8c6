using System.Runtime.CompilerServices;

namespace GuestMemFs.Format;

/// <summary>
/// The persist seam: every store to persistent memory goes through here, and nothing else does.
/// </summary>
/// <remarks>
/// <para>Ordering is durability: on cache-coherent memory a store that has retired outlives the process, so all that has to be
/// right is the order. <see cref="Publish"/> is a release store: whatever was stored before it is there when it is. Two
/// stores that must not change places are therefore both separated by a <see cref="Publish"/>, or the later one is itself one.</para>
/// <para>In a build with <c>GMF_CRASHLAB</c> each store is told to a recorder (address, length) after it was made; in any other build the
/// hook is not in the code.</para>
/// </remarks>
internal static unsafe partial class Persist
{
    /// <summary>Stores 8 bytes at an 8-byte-aligned address. Not ordered against other stores until the next <see cref="Publish"/>.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static void Store(ulong* at, ulong value)
    {
        *at = value;
        Stored(at, sizeof(ulong), publishing: false);
    }

    /// <summary>Stores 8 bytes at an 8-byte-aligned address after every earlier store of this thread: the store that makes something true.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static void Publish(ulong* at, ulong value)
    {
        Publishing(at);
        Volatile.Write(ref *at, value);
        Stored(at, sizeof(ulong), publishing: true);
    }

    /// <summary>Copies bytes, in any order and width: never a word that publishes.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static void Copy(void* to, ReadOnlySpan<byte> from)
    {
        from.CopyTo(new Span<byte>(to, from.Length));
        Stored(to, from.Length, publishing: false);
    }

    /// <summary>Fills bytes with one value, in any order and width.</summary>
    public static void Fill(void* to, long length, byte value)
    {
        for (long done = 0; done < length;)
        {
            int step = (int)Math.Min(length - done, 1 << 30);
            new Span<byte>((byte*)to + done, step).Fill(value);
            done += step;
        }

        Stored(to, length, publishing: false);
    }

    /// <summary>Says that the caller wrote <paramref name="length"/> bytes itself, through a span it had to hand out.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static void Wrote(void* at, long length) => Stored(at, length, publishing: false);

    static partial void Stored(void* at, long length, bool publishing);

    static partial void Publishing(void* at);
}
