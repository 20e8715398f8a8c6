namespace GuestMemFs.Format;

/// <summary>
/// Structures in bytes, copied in and out whatever their alignment. As
/// <see cref="System.Runtime.InteropServices.MemoryMarshal"/> has it, but compiled ahead with this library: the
/// framework's generic methods over our types would be compiled each time a process attaches.
/// </summary>
internal static unsafe class Structs
{
    /// <summary>Reads the structure that the bytes begin with; false where they are too few.</summary>
    public static bool TryRead<T>(ReadOnlySpan<byte> from, out T value)
        where T : unmanaged
    {
        if (from.Length < sizeof(T))
        {
            value = default;
            return false;
        }

        fixed (byte* at = from)
        {
            value = *(T*)at;
        }

        return true;
    }

    /// <summary>Writes the structure over the first bytes.</summary>
    /// <exception cref="ArgumentOutOfRangeException">They are too few.</exception>
    public static void Write<T>(Span<byte> to, in T value)
        where T : unmanaged
    {
        ArgumentOutOfRangeException.ThrowIfLessThan(to.Length, sizeof(T), nameof(to));
        fixed (byte* at = to)
        {
            *(T*)at = value;
        }
    }
}
