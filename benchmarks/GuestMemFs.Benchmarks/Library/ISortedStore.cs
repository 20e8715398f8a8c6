namespace GuestMemFs.Benchmarks.Library;

/// <summary>What is measured in <see cref="SortedMaps"/>. A value begins with the number of its key.</summary>
internal interface ISortedStore : IDisposable
{
    /// <summary>Bytes that it takes.</summary>
    long BytesUsed { get; }

    void Set(ReadOnlySpan<byte> key, ReadOnlySpan<byte> value);

    /// <summary>The number at the beginning of a key's value.</summary>
    int Get(ReadOnlySpan<byte> key);

    /// <summary>The sum of those numbers, by a walk in order.</summary>
    long Sum();

    /// <summary>Makes what was set true, where that is a step of its own.</summary>
    void Commit();
}
