using System.Reflection;
using System.Runtime.CompilerServices;
using System.Runtime.InteropServices;
using GuestMemFs.Format;

namespace GuestMemFs.Tests.Format;

/// <summary>The bytes that docs/format.md promises.</summary>
public unsafe class LayoutTests
{
    [Fact]
    public void Sizes_and_offsets_are_pinned()
    {
        Assert.True(BitConverter.IsLittleEndian);
        Assert.Equal(128, sizeof(Superblock));
        Assert.Equal(64, sizeof(JournalHeader));
        Assert.Equal(16, sizeof(RecordHeader));
        Assert.Equal(8, sizeof(OperationHeader));
        Assert.Equal(64, sizeof(RegionBody));
        Assert.Equal(48, sizeof(ExtentBody));
        Assert.Equal(48, sizeof(StateBody));
        Assert.Equal(64, sizeof(ExtentIdentity));
        Assert.Equal(32, sizeof(OwnerHint));
        Assert.Equal(56, sizeof(WriterRecord));
        Assert.Equal(40, Offset<Superblock>(nameof(Superblock.ArenaId)));
        Assert.Equal(96, Offset<Superblock>(nameof(Superblock.Granularity)));
        Assert.Equal(120, Offset<Superblock>(nameof(Superblock.Crc)));
        Assert.Equal(56, Offset<ExtentIdentity>(nameof(ExtentIdentity.Crc)));
        Assert.Equal(52, Offset<RegionBody>(nameof(RegionBody.NameBytes)));
        Assert.Equal(44, Offset<ExtentBody>(nameof(ExtentBody.State)));
    }

    [Fact]
    public void A_struct_has_the_size_that_it_declares_and_its_fields_lie_side_by_side()
    {
        Type[] structs = [.. typeof(Superblock).Assembly.GetTypes().Where(type =>
            type.Namespace == typeof(Superblock).Namespace && type.StructLayoutAttribute is { Size: > 1 })];

        Assert.True(structs.Length >= 10, $"only {structs.Length} structs");
        foreach (Type type in structs)
        {
            int end = 0;
            foreach ((string name, int offset, int length) in Fields(type))
            {
                Assert.Equal((type.Name, name, end), (type.Name, name, offset));
                end += length;
            }

            Assert.Equal((type.Name, type.StructLayoutAttribute!.Size), (type.Name, Marshal.SizeOf(type)));
        }
    }

    [Fact]
    public void Magics_read_as_text()
    {
        Assert.Equal("GMFSARNA", Text(Superblock.ArenaMagic));
        Assert.Equal("GMFS!BEG", Text(Superblock.CreatingMagic));
        Assert.Equal("GMFSJRNL", Text(JournalHeader.JournalMagic));
        Assert.Equal("GMFSIDNT", Text(ExtentIdentity.IdentityMagic));

        static string Text(ulong magic) => System.Text.Encoding.ASCII.GetString(BitConverter.GetBytes(magic));
    }

    [Fact]
    public void The_checksum_is_crc32c()
    {
        // The check value of CRC-32C (RFC 3720, appendix B.4, by catalogue) has a final inversion, which ours has not.
        Assert.Equal(0xE306_9283, ~Checksum.Of("123456789"u8));
        Assert.Equal(Checksum.Of(BitConverter.GetBytes(0x0123_4567_89AB_CDEFUL)), Checksum.Of(0x0123_4567_89AB_CDEFUL));
    }

    [Theory]
    [InlineData(0u)]
    [InlineData(1u)]
    [InlineData(uint.MaxValue)]
    public void A_sealed_word_opens_with_its_seed_and_with_no_bit_flipped(uint value)
    {
        ulong word = SealedWord.Seal(value, 77);
        Assert.True(SealedWord.TryOpen(word, 77, out uint opened));
        Assert.Equal(value, opened);
        Assert.False(SealedWord.TryOpen(word, 78, out _));
        for (int bit = 0; bit < 64; bit++)
        {
            Assert.False(SealedWord.TryOpen(word ^ (1UL << bit), 77, out _));
        }
    }

    [Fact]
    public void A_superblock_with_any_bit_flipped_is_not_intact()
    {
        var superblock = new Superblock { Magic = Superblock.ArenaMagic, ArenaId = Guid.NewGuid(), HalfSize = 1 << 20 };
        superblock.Crc = superblock.ComputeCrc();
        Assert.True(superblock.IsIntact);
        Span<byte> bytes = MemoryMarshal.AsBytes(new Span<Superblock>(ref superblock));
        for (int bit = 0; bit < 124 * 8; bit++)
        {
            bytes[bit / 8] ^= (byte)(1 << (bit % 8));
            Assert.False(superblock.IsIntact);
            bytes[bit / 8] ^= (byte)(1 << (bit % 8));
        }
    }

    private static IEnumerable<(string Name, int Offset, int Length)> Fields(Type type) =>
        from field in type.GetFields(BindingFlags.Instance | BindingFlags.Public | BindingFlags.NonPublic)
        let of = field.FieldType.IsEnum ? Enum.GetUnderlyingType(field.FieldType) : field.FieldType
        let offset = (int)Marshal.OffsetOf(type, field.Name)
        orderby offset
        select (field.Name, offset, Marshal.SizeOf(of));

    private static int Offset<T>(string field) => (int)Marshal.OffsetOf<T>(field);
}
