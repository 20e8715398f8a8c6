namespace GuestMemFs.CrashLab;

/// <summary>Is told of each store of a thread, after it was made.</summary>
internal abstract unsafe class StoreSink
{
    public abstract void Add(byte* at, long bytes, bool publishes);
}

/// <summary>One store: where, what was there, what is there now, and whether it orders what came before it.</summary>
internal readonly record struct RecordedStore(long Offset, byte[] Old, byte[] Bytes, bool Publishes);
