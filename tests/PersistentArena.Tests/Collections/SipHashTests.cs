using System.Buffers.Binary;
using System.Runtime.Intrinsics.X86;
using GuestMemFs.Collections;

namespace GuestMemFs.Tests.Collections;

/// <summary>The hash is in the medium: every processor has to come to the same.</summary>
public class SipHashTests
{
    private static readonly SipHash s_hash = new(0x0706_0504_0302_0100, 0x0F0E_0D0C_0B0A_0908);

    [Fact]
    public void The_empty_string_hashes_as_published() =>
        Assert.Equal(BinaryPrimitives.ReadUInt64LittleEndian([0xdc, 0xc4, 0x0f, 0x05, 0x58, 0x01, 0xac, 0xab]),
            s_hash.HashInWords([]));

    [Fact]
    public void Words_and_vectors_give_the_same()
    {
        Assert.SkipUnless(Avx512F.VL.IsSupported, "this processor has no AVX-512VL");
        byte[] data = new byte[257];
        new Random(1).NextBytes(data);
        for (int length = 0; length <= data.Length; length++)
        {
            Assert.Equal(s_hash.HashInWords(data.AsSpan(0, length)), s_hash.HashInVectors(data.AsSpan(0, length)));
        }
    }
}
