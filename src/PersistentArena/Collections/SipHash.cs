using System.Numerics;
using System.Runtime.CompilerServices;
using System.Runtime.InteropServices;
using System.Runtime.Intrinsics;
using System.Runtime.Intrinsics.X86;

namespace GuestMemFs.Collections;

/// <summary>
/// SipHash-1-3 (Aumasson and Bernstein, "SipHash: a fast short-input PRF", with one compression and three finalization
/// rounds). Clients choose the keys of a dictionary, so its hash is keyed with a secret: nobody can make them collide.
/// The result is stored in the medium, so the function never changes.
/// </summary>
internal readonly struct SipHash(ulong k0, ulong k1)
{
    private readonly ulong _v0 = k0 ^ 0x736f6d6570736575;
    private readonly ulong _v1 = k1 ^ 0x646f72616e646f6d;
    private readonly ulong _v2 = k0 ^ 0x6c7967656e657261;
    private readonly ulong _v3 = k1 ^ 0x7465646279746573;

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public ulong Hash(ReadOnlySpan<byte> data) => Avx512F.VL.IsSupported ? HashInVectors(data) : HashInWords(data);

    /// <summary>
    /// Two of the four words in a vector each. Not faster by itself, but it leaves the processor's integer registers
    /// free: reads that wait for memory then overlap with the next ones, which the integer registers for this hash
    /// alone would end (they are fewer than the instructions in flight).
    /// </summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    internal ulong HashInVectors(ReadOnlySpan<byte> data)
    {
        Vector128<ulong> a = Vector128.Create(_v0, _v2), b = Vector128.Create(_v1, _v3);
        ref byte start = ref MemoryMarshal.GetReference(data);
        int length = data.Length;
        int i = 0;
        for (; i + sizeof(ulong) <= length; i += sizeof(ulong))
        {
            Compress(ref a, ref b, Vector128.CreateScalar(Unsafe.ReadUnaligned<ulong>(ref Unsafe.Add(ref start, i))));
        }

        Compress(ref a, ref b, Vector128.CreateScalar(LastWord(ref start, i, length)));
        a ^= Vector128.Create(0UL, 0xff);
        Round(ref a, ref b);
        Round(ref a, ref b);
        Round(ref a, ref b);
        a ^= b;
        return (a ^ Sse2.ShiftRightLogical128BitLane(a, sizeof(ulong))).ToScalar();
    }

    /// <summary>The bytes that fill no word, and the length above them.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static ulong LastWord(ref byte start, int i, int length)
    {
        ulong last = (ulong)length << 56;
        for (int shift = 0; i < length; i++, shift += 8)
        {
            last |= (ulong)Unsafe.Add(ref start, i) << shift;
        }

        return last;
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static void Compress(ref Vector128<ulong> a, ref Vector128<ulong> b, Vector128<ulong> word)
    {
        b ^= Sse2.ShiftLeftLogical128BitLane(word, sizeof(ulong));
        Round(ref a, ref b);
        a ^= word;
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static void Round(ref Vector128<ulong> a, ref Vector128<ulong> b)
    {
        HalfRound(ref a, ref b, Vector128.Create(13UL, 16));
        HalfRound(ref a, ref b, Vector128.Create(17UL, 21));
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static void HalfRound(ref Vector128<ulong> a, ref Vector128<ulong> b, Vector128<ulong> rotations)
    {
        a += b;
        b = Avx512F.VL.RotateLeftVariable(b, rotations) ^ a;
        // Changes the two words' places and rotates the first by 32.
        a = Sse2.Shuffle(a.AsUInt32(), 0b_00_01_11_10).AsUInt64();
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    internal ulong HashInWords(ReadOnlySpan<byte> data)
    {
        ulong v0 = _v0, v1 = _v1, v2 = _v2, v3 = _v3;
        ref byte start = ref MemoryMarshal.GetReference(data);
        int length = data.Length;
        int i = 0;
        for (; i + sizeof(ulong) <= length; i += sizeof(ulong))
        {
            ulong word = Unsafe.ReadUnaligned<ulong>(ref Unsafe.Add(ref start, i));
            v3 ^= word;
            Round(ref v0, ref v1, ref v2, ref v3);
            v0 ^= word;
        }

        ulong last = LastWord(ref start, i, length);
        v3 ^= last;
        Round(ref v0, ref v1, ref v2, ref v3);
        v0 ^= last;
        v2 ^= 0xff;
        Round(ref v0, ref v1, ref v2, ref v3);
        Round(ref v0, ref v1, ref v2, ref v3);
        Round(ref v0, ref v1, ref v2, ref v3);
        return v0 ^ v1 ^ v2 ^ v3;
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static void Round(ref ulong v0, ref ulong v1, ref ulong v2, ref ulong v3)
    {
        v0 += v1;
        v1 = BitOperations.RotateLeft(v1, 13) ^ v0;
        v0 = BitOperations.RotateLeft(v0, 32);
        v2 += v3;
        v3 = BitOperations.RotateLeft(v3, 16) ^ v2;
        v0 += v3;
        v3 = BitOperations.RotateLeft(v3, 21) ^ v0;
        v2 += v1;
        v1 = BitOperations.RotateLeft(v1, 17) ^ v2;
        v2 = BitOperations.RotateLeft(v2, 32);
    }
}
