namespace GuestMemFs.Typed;

/// <summary>What a serializer of values of one length says of bytes of another.</summary>
internal static class Lengths
{
    public static void Check(ReadOnlySpan<byte> bytes, int length, string shape)
    {
        if (bytes.Length != length)
        {
            throw new FormatException(
                $"A value of shape {shape} has {length} bytes; these are {bytes.Length}. "
                + "Something other than the typed collection wrote it.");
        }
    }
}
