namespace KvStore.Engine;

/// <summary>Frees what streams have left over, in steps of any size.</summary>
internal sealed class StreamSweep(Keyspace keyspace, StreamLeftovers leftovers)
{
    private EntryStream? _stream;

    /// <summary>Frees about so many entries of a stream; true where none has any. Not in a group.</summary>
    public bool Free(int entries)
    {
        if (!leftovers.TrySelect(out byte[]? key))
        {
            return true;
        }

        _stream ??= new EntryStream(keyspace, leftovers);
        if (!_stream.TryOpen(key) || !_stream.Exists || _stream.FreeLeftovers(entries) < entries)
        {
            leftovers.Forget(key);
        }

        return false;
    }
}
