namespace GuestMemFs.Collections;

/// <summary>
/// Chooses the key of a change by what the map holds, under the map's lock: no other change comes between the choice
/// and the change. It may be asked again where room had to be made.
/// </summary>
internal interface IKeyChoice
{
    /// <summary>Bytes of the room for a key.</summary>
    const int Room = 256;

    /// <summary>The key, in the room or elsewhere; false where nothing is to be changed.</summary>
    bool TryChoose(SortedMapReader map, Span<byte> room, out ReadOnlySpan<byte> key);
}

/// <summary>The key that was given.</summary>
internal readonly ref struct GivenKey(ReadOnlySpan<byte> key) : IKeyChoice
{
    private readonly ReadOnlySpan<byte> _key = key;

    public bool TryChoose(SortedMapReader map, Span<byte> room, out ReadOnlySpan<byte> key)
    {
        key = _key;
        return true;
    }
}
