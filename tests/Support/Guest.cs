using System.Buffers.Binary;

namespace GuestMemFs.Support;

/// <summary>
/// The smallest guest that shows whether it went on: a boot sector that counts the firmware's timer ticks (18.2 a
/// second) in its memory, where the region shows them.
/// </summary>
public static class Guest
{
    /// <summary>Where the guest says that it began, in its physical memory.</summary>
    public const int MarkAt = 0x8000;

    /// <summary>Where it counts.</summary>
    public const int CounterAt = 0x8004;

    public const uint Mark = 0x31464D47;

    private static ReadOnlySpan<byte> Code =>
    [
        0x31, 0xC0, // xor ax, ax
        0x8E, 0xD8, // mov ds, ax
        0xFB, // sti
        0x66, 0xC7, 0x06, 0x00, 0x80, 0x47, 0x4D, 0x46, 0x31, // mov dword [0x8000], mark
        0xF4, // next: hlt
        0x66, 0xFF, 0x06, 0x04, 0x80, // inc dword [0x8004]
        0xEB, 0xF8, // jmp next
    ];

    /// <summary>A disk to boot it from.</summary>
    public static void WriteDisk(string path)
    {
        byte[] disk = new byte[1 << 20];
        Code.CopyTo(disk);
        disk[510] = 0x55;
        disk[511] = 0xAA;
        File.WriteAllBytes(path, disk);
    }

    /// <summary>What the guest wrote into a word of its memory.</summary>
    public static uint Read(ReadOnlySpan<byte> word) => BinaryPrimitives.ReadUInt32LittleEndian(word);
}
