using System.Buffers;
using System.Numerics;
using System.Runtime.CompilerServices;

namespace GuestMemFs.Typed;

/// <summary>
/// An integer with its highest byte first, the sign turned round, so that the bytes compare as the numbers do.
/// </summary>
internal sealed class IntegerSerializer<T> : IPersistentSerializer<T>
    where T : unmanaged, IBinaryInteger<T>, IMinMaxValue<T>
{
    private const byte Sign = 0x80;

    private static readonly bool s_signed = T.IsNegative(T.MinValue);
    private static readonly int s_size = Unsafe.SizeOf<T>();

    public string Shape { get; } = $"{(s_signed ? "int" : "uint")}{s_size * 8}";

    public bool KeepsOrder => true;

    public void Write(T value, IBufferWriter<byte> output)
    {
        Span<byte> bytes = output.GetSpan(s_size)[..s_size];
        value.TryWriteBigEndian(bytes, out _); // WriteBigEndian is the interface's own, and would box the number.
        bytes[0] ^= s_signed ? Sign : (byte)0;
        output.Advance(s_size);
    }

    public T Read(ReadOnlySpan<byte> bytes)
    {
        Lengths.Check(bytes, s_size, Shape);
        Span<byte> copy = stackalloc byte[16];
        copy = copy[..s_size];
        bytes.CopyTo(copy);
        copy[0] ^= s_signed ? Sign : (byte)0;
        return T.ReadBigEndian(copy, isUnsigned: !s_signed);
    }
}
