using GuestMemFs.Heap;

namespace GuestMemFs.Tests.Heap;

/// <summary>
/// A heap's first pages where the medium has no room for them: a hole that is touched would be a signal.
/// </summary>
public sealed unsafe class HeapHeaderTests
{
    private const int Length = 8 << 20;

    [Theory]
    [InlineData(HeapFormat.MinimumLength - 1)]
    [InlineData(0)]
    public void A_heap_is_not_begun_where_the_medium_has_no_room_for_its_head(long room)
    {
        using PlainSpace space = new(Length) { MediumRoom = room };

        Assert.Throws<ArenaOutOfSpaceException>(() => PersistentHeap.Open(space));

        Assert.False(space.IsFormatted);
        Assert.Equal(-1, AllOf(space).IndexOfAnyExcept((byte)0xA5));
        space.MediumRoom = HeapFormat.MinimumLength;
        PersistentHeap.Open(space);
        Assert.True(space.IsFormatted);
    }

    [Fact]
    public void A_copied_heap_is_not_adopted_where_the_medium_has_no_room_for_its_head()
    {
        using PlainSpace space = new(Length);
        PersistentHeap.Open(space);
        using PlainSpace copied = space.Crash();
        byte[] before = AllOf(copied).ToArray();
        copied.MediumRoom = HeapFormat.MinimumLength - 1;

        Assert.Throws<ArenaOutOfSpaceException>(() => HeapHeader.Adopt(copied));

        Assert.Equal(before, AllOf(copied));
    }

    private static ReadOnlySpan<byte> AllOf(PlainSpace space) => new(space.Base, (int)space.Length);
}
