using GuestMemFs.Tests.Infrastructure;
using System.Text;

namespace GuestMemFs.Tests.Heap;

/// <summary>The heap and a dictionary on a real region of every medium: closed clean, crashed, grown.</summary>
public sealed class HeapInRegionTests
{
    [Theory]
    [Trait("speed", "slow")]
    [MemberData(nameof(TestMedia.All), MemberType = typeof(TestMedia))]
    public void A_dictionary_is_there_after_a_clean_close_and_after_a_crash(string kind)
    {
        using TestMedium medium = TestMedia.Create(kind);
        ArenaOptions Options() => new() { Medium = medium.Open() };
        using (PersistentArena arena = PersistentArena.OpenOrCreate(Options()))
        using (PersistentRegion region = arena.OpenOrCreateRegion("data", 16 << 20,
            new RegionOptions { Kind = RegionKind.Heap, Reserve = RegionReserve.OnDemand }))
        {
            PersistentDictionary dictionary = PersistentDictionary.OpenOrCreate(PersistentHeap.Open(region), "keys");
            for (int i = 0; i < 1_000; i++)
            {
                dictionary.Set(Encoding.UTF8.GetBytes("key" + i), Encoding.UTF8.GetBytes("value" + i));
            }
        }

        PersistentArena crashed = PersistentArena.Open(Options());
        PersistentRegion reopened = crashed.OpenRegion("data");
        PersistentDictionary again = PersistentDictionary.OpenOrCreate(PersistentHeap.Open(reopened), "keys");
        Assert.Equal(1_000, again.Count);
        Assert.Equal("value7"u8.ToArray(), again.Get("key7"u8));
        again.Set("after"u8, "crash"u8);
        crashed.Abandon();

        using PersistentArena last = PersistentArena.Open(Options());
        using PersistentRegion region3 = last.OpenRegion("data");
        PersistentDictionary third = PersistentDictionary.OpenOrCreate(PersistentHeap.Open(region3), "keys");
        Assert.Equal(1_001, third.Count);
        Assert.Equal("crash"u8.ToArray(), third.Get("after"u8));
    }
}
