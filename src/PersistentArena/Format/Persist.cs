using System.Runtime.CompilerServices;
using System.Runtime.Intrinsics.X86;
using GuestMemFs.Media;

namespace GuestMemFs.Format;

/// <summary>
/// The persist seam: every store to persistent memory goes through here, and nothing else does.
/// </summary>
/// <remarks>
/// <para>Ordering is durability: on cache-coherent memory a store that has retired outlives the process and the kernel,
/// so all that has to be right is the order. <see cref="Publish"/> is a store that no other store of its thread
/// crosses, in either direction; between two of them stores may come in any order. On x86 that costs nothing.</para>
/// <para>Loss of power is another matter: there a store counts when it has left the caches. With the switch
/// <see cref="PersistentMemory.PowerLossSwitch"/> on, all stores bypass the caches and a publish waits for those before
/// it and for itself. It is for DAX files mapped synchronously, costs much of the speed, and is read once a
/// process.</para>
/// <para>The crash lab compiles the library with a seam of its own in place of this file, which records. The one hook
/// in here is <see cref="StoreWatch"/>, for snapshots: a look at a byte that is in every cache.</para>
/// </remarks>
internal static unsafe class Persist
{
    // A constant to the JIT once the class is initialised: the branches below are not in the code of a process that
    // leaves it off.
    private static readonly bool s_powerLoss = PersistentMemory.WritesThrough
        && (Sse2.X64.IsSupported ? true : throw new PlatformNotSupportedException(
            $"{PersistentMemory.PowerLossSwitch} needs an x86-64 processor."));

    /// <summary>True where stores are to outlive a loss of power: then the files they go to have to as well.</summary>
    public static bool ThroughPowerLoss => s_powerLoss;

    /// <summary>
    /// Stores 8 bytes at an 8-byte-aligned address. In no order against other stores until the next
    /// <see cref="Publish"/>.
    /// </summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static void Store(ulong* at, ulong value)
    {
        Writes(at, sizeof(ulong));
        if (s_powerLoss)
        {
            Sse2.X64.StoreNonTemporal(at, value);
            return;
        }

        *at = value;
    }

    /// <summary>
    /// Stores 8 bytes at an 8-byte-aligned address after every earlier store of this thread and before every later one:
    /// the store that makes something true.
    /// </summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static void Publish(ulong* at, ulong value)
    {
        Writes(at, sizeof(ulong));
        if (s_powerLoss)
        {
            Sse.StoreFence();
            Sse2.X64.StoreNonTemporal(at, value);
            Sse.StoreFence();
            return;
        }

        Volatile.WriteBarrier();
        *at = value;
        Volatile.WriteBarrier();
    }

    /// <summary>Copies bytes, in any order and width: never a word that publishes.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static void Copy(void* to, ReadOnlySpan<byte> from)
    {
        Writes(to, from.Length);
        from.CopyTo(new Span<byte>(to, from.Length));
        Wrote(to, from.Length);
    }

    /// <summary>Fills bytes with one value, in any order and width.</summary>
    public static void Fill(void* to, long length, byte value)
    {
        Writes(to, length);
        for (long done = 0; done < length;)
        {
            int step = (int)Math.Min(length - done, 1 << 30);
            new Span<byte>((byte*)to + done, step).Fill(value);
            done += step;
        }

        Wrote(to, length);
    }

    /// <summary>
    /// Says that the caller is about to write <paramref name="length"/> bytes itself, through a span it has to hand
    /// out; <see cref="Wrote"/> follows.
    /// </summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static void Writes(void* at, long length)
    {
        if (StoreWatch.IsOn)
        {
            StoreWatch.Before(at, length);
        }
    }

    /// <summary>
    /// Says that the caller wrote <paramref name="length"/> bytes itself, through a span it had to hand out.
    /// </summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static void Wrote(void* at, long length)
    {
        if (s_powerLoss)
        {
            WriteThrough((byte*)at, length);
        }
    }

    /// <summary>
    /// Stores each word of the range once more, past the caches. The words at the ends hold neighbours' bytes too:
    /// those are this thread's own, or stand still.
    /// </summary>
    private static void WriteThrough(byte* at, long length)
    {
        ulong* end = (ulong*)(((nuint)at + (nuint)length + 7) & ~(nuint)7);
        for (ulong* word = (ulong*)((nuint)at & ~(nuint)7); word < end; word++)
        {
            Sse2.X64.StoreNonTemporal(word, *word);
        }
    }
}
