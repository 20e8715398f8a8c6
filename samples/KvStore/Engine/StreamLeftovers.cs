using System.Diagnostics.CodeAnalysis;
using KvStore.Protocol;

namespace KvStore.Engine;

/// <summary>
/// Streams with something to free in the background: what a trim hid, what destroyed groups had. A stream is noted when
/// a command opens it, so what a crash leaves is freed once the stream is used again, or removed.
/// </summary>
internal sealed class StreamLeftovers(Databases databases)
{
    private readonly Dictionary<Database, HashSet<byte[]>> _keys = [];

    /// <summary>A stream of the selected database has something.</summary>
    public void Note(byte[] key)
    {
        if (!_keys.TryGetValue(databases.Selected, out HashSet<byte[]>? keys))
        {
            _keys[databases.Selected] = keys = new HashSet<byte[]>(ByteKeys.Instance);
        }

        keys.Add(key);
    }

    /// <summary>A stream that was noted; its database is selected then. False where there is none.</summary>
    public bool TrySelect([NotNullWhen(true)] out byte[]? key)
    {
        key = null;
        foreach ((Database database, HashSet<byte[]> keys) in _keys)
        {
            key = keys.FirstOrDefault();
            if (key is not null)
            {
                databases.Select(database.Number);
                return true;
            }
        }

        return false;
    }

    /// <summary>A stream of the selected database has nothing any more.</summary>
    public void Forget(byte[] key) => _keys[databases.Selected].Remove(key);
}
