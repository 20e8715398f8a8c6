using System.Buffers.Binary;

namespace GuestMemFs.KernelLab.Guest.Inner;

/// <summary>The state of a machine's devices in a region: its length, then its bytes.</summary>
internal static class KeptState
{
    public static void Write(PersistentArena arena, string name, MemoryStream state)
    {
        using PersistentRegion region = arena.OpenRegion(name);
        BinaryPrimitives.WriteInt32LittleEndian(region.AsSpan(0, sizeof(int)), (int)state.Length);
        state.GetBuffer().AsSpan(0, (int)state.Length).CopyTo(region.AsSpan(sizeof(int), (int)state.Length));
        region.Flush(0, sizeof(int) + state.Length);
    }

    public static MemoryStream Read(PersistentArena arena, string name)
    {
        using PersistentRegion region = arena.OpenRegion(name);
        int length = BinaryPrimitives.ReadInt32LittleEndian(region.AsSpan(0, sizeof(int)));
        return new MemoryStream(region.AsSpan(sizeof(int), length).ToArray());
    }
}
