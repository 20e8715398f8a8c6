using System.Buffers;
using System.Diagnostics.CodeAnalysis;
using System.Text;
using Microsoft.Extensions.Caching.Distributed;

namespace GuestMemFs.Caching;

/// <summary>
/// A distributed cache in a heap of an arena: what was set is there after a restart, a SIGKILL or, on a medium that the
/// kernel keeps, a kexec, without being loaded.
/// </summary>
/// <remarks>
/// Thread-safe. A call ends before it returns, the asynchronous ones too: there is nothing to wait for. When a set has
/// returned, the entry outlives the process. Where there is no room for it, entries that were used least of late are
/// removed; a set is refused only where it is larger than <see cref="MaximumValueLength"/>, or where something else
/// fills the heap. Keys are kept as UTF-8, at most <see cref="PersistentDictionary.MaximumKeyLength"/> bytes.
/// </remarks>
public sealed class PersistentCache : IBufferDistributedCache
{
    private const int KeyBytesOnStack = 256;
    private const int MostTries = 8;
    private const int BytesAnEntry = 512;
    private const int LeastFreed = 4096;

    private static readonly UTF8Encoding s_strict =
        new(encoderShouldEmitUTF8Identifier: false, throwOnInvalidBytes: true);

    private readonly PersistentDictionary _entries;
    private readonly string _name;
    private readonly long _sizeLimit;
    private readonly TimeProvider _time;
    private readonly UseCounts _uses;
    private readonly CacheEviction _eviction;

    internal PersistentCache(PersistentHeap heap, string name, PersistentDictionary<string, CacheEntry> entries,
        PersistentCacheOptions options)
    {
        ArgumentOutOfRangeException.ThrowIfNegative(options.SizeLimit, nameof(options));
        _entries = entries.Bytes;
        _name = name;
        long room = heap.GetStatistics().Length;
        _sizeLimit = options.SizeLimit > 0 ? options.SizeLimit : long.MaxValue;
        MaximumValueLength = (int)Math.Min(
            Math.Min(room, _sizeLimit) / 4, PersistentDictionary.MaximumValueLength - CacheExpiry.Length);
        _time = options.TimeProvider ?? TimeProvider.System;
        _uses = new UseCounts(Math.Min(room, _sizeLimit) / BytesAnEntry);
        _eviction = new CacheEviction(_entries, _uses, _time);
    }

    /// <summary>How many entries there are; some may have expired.</summary>
    public long Count => _entries.Count;

    /// <summary>How many bytes of keys and values there are.</summary>
    public long Size => _entries.RecordBytes;

    /// <summary>How many bytes a value has at most: a quarter of the cache's room.</summary>
    public int MaximumValueLength { get; }

    /// <summary>Opens the cache of that name (1 to 31 bytes of UTF-8) in the heap, or makes it.</summary>
    /// <param name="heap">The heap.</param>
    /// <param name="name">The cache's name.</param>
    /// <param name="options">Its limit and its clock.</param>
    /// <exception cref="PersistentShapeException">The name is taken by another collection, or by a cache of a later
    /// version.</exception>
    /// <exception cref="HeapLayoutException">The name is taken by something else.</exception>
    /// <exception cref="ArenaOutOfSpaceException">There is no room for a new cache (about 300 KiB).</exception>
    public static PersistentCache OpenOrCreate(
        PersistentHeap heap, string name, PersistentCacheOptions? options = null)
    {
        ArgumentNullException.ThrowIfNull(heap);
        ArgumentNullException.ThrowIfNull(name);
        PersistentCacheOptions chosen = options ?? new PersistentCacheOptions();
        var map = new PersistentMapOptions<string, CacheEntry>
        {
            ValueSerializer = new CacheEntrySerializer(),
            TimeProvider = chosen.TimeProvider,
        };
        return new PersistentCache(heap, name, heap.OpenOrCreateDictionary(name, map), chosen);
    }

    /// <inheritdoc/>
    public byte[]? Get(string key)
    {
        using var bytes = new KeyBytes(key, stackalloc byte[KeyBytesOnStack]);
        var copy = default(CopyValue);
        bool found = _entries.TryRead(bytes.Span, ref copy);
        Used(bytes.Span, found, copy.Expiry, copy.ExpiresAt);
        return found ? copy.Value : null;
    }

    /// <inheritdoc/>
    public bool TryGet(string key, IBufferWriter<byte> destination)
    {
        ArgumentNullException.ThrowIfNull(destination);
        using var bytes = new KeyBytes(key, stackalloc byte[KeyBytesOnStack]);
        var copy = new CopyValueTo(destination);
        bool found = _entries.TryRead(bytes.Span, ref copy);
        Used(bytes.Span, found, copy.Expiry, copy.ExpiresAt);
        if (found)
        {
            destination.Advance(copy.Length);
        }

        return found;
    }

    /// <inheritdoc/>
    /// <exception cref="PersistentCacheEntryException">The value is larger than
    /// <see cref="MaximumValueLength"/>.</exception>
    /// <exception cref="ArenaOutOfSpaceException">Something else fills the heap.</exception>
    public void Set(string key, byte[] value, DistributedCacheEntryOptions options)
    {
        ArgumentNullException.ThrowIfNull(value);
        Set(key, new ReadOnlySequence<byte>(value), options);
    }

    /// <inheritdoc/>
    /// <exception cref="PersistentCacheEntryException">The value is larger than
    /// <see cref="MaximumValueLength"/>.</exception>
    /// <exception cref="ArenaOutOfSpaceException">Something else fills the heap.</exception>
    public void Set(string key, ReadOnlySequence<byte> value, DistributedCacheEntryOptions options)
    {
        ArgumentNullException.ThrowIfNull(options);
        using var bytes = new KeyBytes(key, stackalloc byte[KeyBytesOnStack]);
        if (value.Length > MaximumValueLength)
        {
            throw new PersistentCacheEntryException(_name, key, value.Length, MaximumValueLength);
        }

        DateTimeOffset now = _time.GetUtcNow();
        var expiry = CacheExpiry.Of(options, now);
        Put(bytes.Span, new PutEntry(expiry, expiry.After(now.ToUnixTimeMilliseconds()), value),
            bytes.Span.Length + CacheExpiry.Length + value.Length);
        if (_entries.RecordBytes > _sizeLimit)
        {
            Evict(_entries.RecordBytes - _sizeLimit);
        }
    }

    /// <inheritdoc/>
    public void Refresh(string key)
    {
        using var bytes = new KeyBytes(key, stackalloc byte[KeyBytesOnStack]);
        BeginAnew(bytes.Span, Now());
    }

    /// <inheritdoc/>
    public void Remove(string key)
    {
        using var bytes = new KeyBytes(key, stackalloc byte[KeyBytesOnStack]);
        _entries.Remove(bytes.Span);
    }

    /// <summary>Removes every entry, with one store.</summary>
    public void Clear() => _entries.Clear();

    /// <inheritdoc/>
    public Task<byte[]?> GetAsync(string key, CancellationToken token = default) =>
        token.IsCancellationRequested ? Task.FromCanceled<byte[]?>(token) : Task.FromResult(Get(key));

    /// <inheritdoc/>
    public ValueTask<bool> TryGetAsync(
        string key, IBufferWriter<byte> destination, CancellationToken token = default) =>
        token.IsCancellationRequested ? ValueTask.FromCanceled<bool>(token) : new(TryGet(key, destination));

    /// <inheritdoc/>
    public Task SetAsync(
        string key, byte[] value, DistributedCacheEntryOptions options, CancellationToken token = default)
    {
        if (token.IsCancellationRequested)
        {
            return Task.FromCanceled(token);
        }

        Set(key, value, options);
        return Task.CompletedTask;
    }

    /// <inheritdoc/>
    public ValueTask SetAsync(string key, ReadOnlySequence<byte> value, DistributedCacheEntryOptions options,
        CancellationToken token = default)
    {
        if (token.IsCancellationRequested)
        {
            return ValueTask.FromCanceled(token);
        }

        Set(key, value, options);
        return ValueTask.CompletedTask;
    }

    /// <inheritdoc/>
    public Task RefreshAsync(string key, CancellationToken token = default)
    {
        if (token.IsCancellationRequested)
        {
            return Task.FromCanceled(token);
        }

        Refresh(key);
        return Task.CompletedTask;
    }

    /// <inheritdoc/>
    public Task RemoveAsync(string key, CancellationToken token = default)
    {
        if (token.IsCancellationRequested)
        {
            return Task.FromCanceled(token);
        }

        Remove(key);
        return Task.CompletedTask;
    }

    // The heap has moved records together before it says that there is no room.
    private void Put(ReadOnlySpan<byte> key, PutEntry put, long length)
    {
        for (int tries = 0; ; tries++)
        {
            try
            {
                _entries.Mutate(key, ref put);
                return;
            }
            catch (ArenaOutOfSpaceException)
            {
                if (tries == MostTries || Evict(Math.Max(length, LeastFreed) << tries) == 0)
                {
                    throw;
                }
            }
        }
    }

    private int Evict(long bytes)
    {
        int removed = _eviction.Free(bytes);
        CacheTelemetry.Evicted(_name, removed);
        return removed;
    }

    private void Used(ReadOnlySpan<byte> key, bool found, CacheExpiry expiry, long expiresAt)
    {
        CacheTelemetry.Read(_name, found);
        _uses.Add(CacheEviction.Hash(key)); // A miss counts too: what is asked for again is worth to be kept.
        if (!found || expiry.Sliding == 0)
        {
            return; // without a look at the clock
        }

        long now = Now();
        if (expiry.IsMovedBy(now, expiresAt))
        {
            BeginAnew(key, now);
        }
    }

    private void BeginAnew(ReadOnlySpan<byte> key, long now)
    {
        var anew = new BeginAnew(now);
        _entries.Mutate(key, ref anew);
    }

    private long Now() => _time.GetUtcNow().ToUnixTimeMilliseconds();

    /// <summary>A key's bytes, on the stack where they are few.</summary>
    private readonly ref struct KeyBytes
    {
        private readonly byte[]? _rented;

        public KeyBytes(string key, Span<byte> stack)
        {
            ArgumentNullException.ThrowIfNull(key);
            int most = s_strict.GetMaxByteCount(key.Length);
            _rented = most > stack.Length ? ArrayPool<byte>.Shared.Rent(most) : null;
            Span<byte> bytes = _rented ?? stack;
            Span = bytes[..s_strict.GetBytes(key, bytes)];
        }

        [UnscopedRef]
        public ReadOnlySpan<byte> Span { get; }

        public void Dispose()
        {
            if (_rented is not null)
            {
                ArrayPool<byte>.Shared.Return(_rented);
            }
        }
    }
}
