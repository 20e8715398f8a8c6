namespace GuestMemFs;

/// <summary>What a heap does beside its work.</summary>
public sealed class HeapOptions
{
    /// <summary>
    /// Zeroes freed and overwritten bytes before the change returns, so that nobody who reads the memory later finds
    /// what was deleted. Once on, it stays on: the heap's header says so, and a library that does not know it refuses
    /// the heap.
    /// </summary>
    /// <remarks>
    /// <para>After a crash the next attach zeroes what was in flight, before it returns.</para>
    /// <para>A clear takes as long as removing every record. What expires is zeroed when it is removed: by the next
    /// write to its key or by <see cref="PersistentDictionary.RemoveExpired"/>. What an atomic group replaces is zeroed
    /// by its commit.</para>
    /// <para>Turned on for a heap that has data, all that is free is zeroed once: that walks the heap. What lies behind
    /// the end of a record that was there before, in its own block, is zeroed when that record is freed.</para>
    /// </remarks>
    public bool Erase { get; init; }
}
