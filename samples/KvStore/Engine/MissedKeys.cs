using GuestMemFs;

namespace KvStore.Engine;

/// <summary>
/// Keys that a command asked for and did not find: with DEBUG SET-ACTIVE-EXPIRE 0 those of them that have expired are
/// removed behind the command, as in Redis. Without it what has expired goes by itself, and nothing is noted.
/// </summary>
internal sealed class MissedKeys
{
    private List<(int Database, byte[] Key)> _keys = [];

    /// <summary>A key of a database was not found.</summary>
    public void Note(int database, ReadOnlySpan<byte> key) => _keys.Add((database, key.ToArray()));

    /// <summary>All of them, which are forgotten.</summary>
    public IReadOnlyList<(int Database, byte[] Key)> Take()
    {
        List<(int Database, byte[] Key)> taken = _keys;
        _keys = taken.Count == 0 ? taken : [];
        return taken;
    }
}

/// <summary>Removes a record that is not seen any more.</summary>
internal struct ExpiredRemoval : IRecordMutation
{
    public static bool ReadsCurrent => false;

    public readonly RecordChange Decide(in RecordView current) =>
        current.Exists ? RecordChange.None : RecordChange.Remove();

    public readonly void Write(in RecordView current, Span<byte> value)
    {
        // A removal writes nothing.
    }
}
