using GuestMemFs.Tests.Infrastructure;
using GuestMemFs.Tests.Arena;

namespace GuestMemFs.Tests.Inspection;

/// <summary>An arena with a heap of two dictionaries and an object, and a region of bytes, to be looked at.</summary>
internal static class Inspected
{
    public const long MiB = 1 << 20;
    public const int Records = 1000;

    /// <summary>Makes it, and leaves it closed.</summary>
    public static void Fill(TestMedium medium)
    {
        using PersistentArena arena = PersistentArena.Create(ArenaTest.On(medium));
        var heaps = new RegionOptions { Kind = RegionKind.Heap };
        using PersistentRegion region = arena.CreateRegion("carts", 16 * MiB, heaps);
        PersistentHeap heap = PersistentHeap.Open(region);
        PersistentDictionary carts = PersistentDictionary.OpenOrCreate(heap, "carts");
        for (int i = 0; i < Records; i++)
        {
            carts.Set(BitConverter.GetBytes(i), new byte[100], i < 10 ? DateTimeOffset.UtcNow.AddDays(1) : null);
        }

        PersistentDictionary.OpenOrCreate(heap, "users").Set("one"u8, "1"u8);
        heap.OpenOrCreateRoot("clock", 42L);
        using PersistentRegion raw = arena.CreateRegion("blob", 4 * MiB);
        ArenaTest.Fill(raw, 7);
        arena.CreateRegion("empty", 4 * MiB, heaps).Dispose();
    }

    /// <summary>Opens it for looking.</summary>
    public static ArenaInspection Open(TestMedium medium) => ArenaInspection.Open(medium.Open(), ownsMedium: true);

    /// <summary>Verifies it, unless the test is ended.</summary>
    public static ArenaVerification Check(this ArenaInspection inspection, bool deep = false) =>
        inspection.Verify(deep, TestContext.Current.CancellationToken);

    /// <summary>Every byte of every file.</summary>
    public static Dictionary<string, byte[]> Bytes(TestMedium medium)
    {
        using Medium open = medium.Open();
        return open.ListFiles().ToDictionary(name => name, name => RawFile.Read(medium, name));
    }
}
