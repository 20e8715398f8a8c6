using System.Runtime.InteropServices;

namespace GuestMemFs.Native;

/// <summary><c>struct statfs</c> of 64-bit Linux (x86-64 and arm64 have the same).</summary>
[StructLayout(LayoutKind.Sequential, Size = 120)]
internal struct StatFs
{
    public long Type;
    public long BlockSize;
    public ulong Blocks;
    public ulong BlocksFree;
    public ulong BlocksAvailable;
    public ulong Files;
    public ulong FilesFree;
}

/// <summary>
/// <c>struct statx</c>: used instead of <c>struct stat</c>, because it is the same on every architecture and names the
/// mount.
/// </summary>
[StructLayout(LayoutKind.Explicit, Size = 256)]
internal struct StatX
{
    // S_IFMT and what it leaves.
    private const int TypeMask = 0xF000;
    private const int RegularFile = 0x8000;
    private const int Directory = 0x4000;
    private const int SymbolicLink = 0xA000;

    [FieldOffset(0)] public uint Mask;
    [FieldOffset(8)] public ulong Attributes;
    [FieldOffset(16)] public uint Links;
    [FieldOffset(20)] public uint Uid;
    [FieldOffset(24)] public uint Gid;
    [FieldOffset(28)] public ushort Mode;
    [FieldOffset(32)] public ulong Inode;
    [FieldOffset(40)] public ulong Size;
    [FieldOffset(48)] public ulong Blocks; // of 512 bytes, allocated
    [FieldOffset(112)] public long ModifiedSeconds;
    [FieldOffset(120)] public uint ModifiedNanoseconds;
    [FieldOffset(136)] public uint DeviceMajor;
    [FieldOffset(140)] public uint DeviceMinor;
    [FieldOffset(144)] public ulong MountId;

    public readonly bool IsRegularFile => (Mode & TypeMask) == RegularFile;

    public readonly bool IsDirectory => (Mode & TypeMask) == Directory;

    public readonly bool IsSymbolicLink => (Mode & TypeMask) == SymbolicLink;
}

/// <summary><c>struct rlimit</c>.</summary>
[StructLayout(LayoutKind.Sequential)]
internal struct ResourceLimit
{
    public ulong Current;
    public ulong Maximum;
}

/// <summary><c>struct dirent</c> of 64-bit Linux; the name follows at <see cref="Name"/>, ended by a NUL.</summary>
[StructLayout(LayoutKind.Explicit)]
internal unsafe struct DirectoryEntry
{
    [FieldOffset(16)] public ushort RecordLength;
    [FieldOffset(18)] public byte Type;
    [FieldOffset(19)] public fixed byte Name[1];
}
