using System.Collections;
using System.Collections.Concurrent;
using System.Diagnostics.CodeAnalysis;
using System.Runtime.CompilerServices;
using GuestMemFs.Typed;

namespace GuestMemFs;

/// <summary>
/// A crash-safe dictionary of typed keys and values: a <see cref="PersistentDictionary"/> with a serializer for each. A
/// change that has returned is there after SIGKILL; one that was in flight is whole or absent.
/// </summary>
/// <remarks>
/// <para>Thread-safe. Which call may meet which is said of the dictionary of bytes in docs/threads.md; a serializer is
/// called outside of its callbacks, and may use other collections.</para>
/// <para>Values are copies: a change of an object that was read or set is a change of the object alone. Set it again,
/// or use <see cref="AddOrUpdate"/>.</para>
/// <para>Two keys are one where their bytes are (see <see cref="PersistentSerializers"/>): 0.0 and -0.0 are two, and so
/// is one instant with two offsets.</para>
/// </remarks>
/// <typeparam name="TKey">
/// The keys' type; a key has at most <see cref="PersistentDictionary.MaximumKeyLength"/> bytes.
/// </typeparam>
/// <typeparam name="TValue">
/// The values' type; a value has at most <see cref="PersistentDictionary.MaximumValueLength"/> bytes.
/// </typeparam>
public sealed class PersistentDictionary<TKey, TValue> : IEnumerable<KeyValuePair<TKey, TValue>>
    where TKey : notnull
{
    private const int BucketsAtOnce = 16;

    private readonly IPersistentSerializer<TKey> _keys;
    private readonly IPersistentSerializer<TValue> _values;

    // Factories at work, by key: each runs once, whoever waits for it.
    private readonly ConcurrentDictionary<TKey, Lazy<StrongBox<TValue>>> _made = new();

    internal PersistentDictionary(
        PersistentDictionary bytes, IPersistentSerializer<TKey> keys, IPersistentSerializer<TValue> values)
    {
        Bytes = bytes;
        _keys = keys;
        _values = values;
    }

    /// <summary>
    /// The dictionary of bytes that holds it: for scans by cursor, expiry sweeps, groups. What is written there has to
    /// have the serializers' form.
    /// </summary>
    public PersistentDictionary Bytes { get; }

    /// <summary>The number of records, those that have expired but are not yet removed included.</summary>
    public long Count => Bytes.Count;

    /// <summary>Gets or sets a value.</summary>
    /// <exception cref="KeyNotFoundException">There is none to get.</exception>
    public TValue this[TKey key]
    {
        get => TryGetValue(key, out TValue? value)
            ? value
            : throw new KeyNotFoundException($"There is no value of key '{key}'.");
        set => Set(key, value);
    }

    /// <summary>Reads a value; false where there is none or it has expired.</summary>
    public bool TryGetValue(TKey key, [MaybeNullWhen(false)] out TValue value)
    {
        using Scratch keyBytes = BytesOf(key);
        using var valueBytes = Scratch.Rent();
        CopyTo reader = new(valueBytes.Writer);
        bool found = Bytes.TryRead(keyBytes.Written, ref reader);
        value = found ? _values.Read(valueBytes.Written) : default;
        return found;
    }

    /// <summary>True where there is a record.</summary>
    public bool ContainsKey(TKey key)
    {
        using Scratch keyBytes = BytesOf(key);
        return Bytes.ContainsKey(keyBytes.Written);
    }

    /// <summary>Sets a value, and when it expires.</summary>
    /// <exception cref="ArgumentException">The key or the value has too many bytes.</exception>
    /// <exception cref="ArenaOutOfSpaceException">There is no room; nothing was changed.</exception>
    public void Set(TKey key, TValue value, DateTimeOffset? expiresAt = null)
    {
        using Scratch keyBytes = BytesOf(key);
        using Scratch valueBytes = Scratch.Of(_values, value);
        Bytes.Set(keyBytes.Written, valueBytes.Written, expiresAt);
    }

    /// <summary>Adds a value where there is none; false where there is one.</summary>
    public bool TryAdd(TKey key, TValue value, DateTimeOffset? expiresAt = null)
    {
        using Scratch keyBytes = BytesOf(key);
        using Scratch valueBytes = Scratch.Of(_values, value);
        return Bytes.TryAdd(keyBytes.Written, valueBytes.Written, expiresAt);
    }

    /// <summary>
    /// Compare-and-swap: puts a value in place of <paramref name="comparand"/>; false where the value is another, or
    /// none. The expiry stays.
    /// </summary>
    /// <remarks>Two values are the same where their bytes are.</remarks>
    public bool TryUpdate(TKey key, TValue value, TValue comparand)
    {
        using Scratch keyBytes = BytesOf(key);
        using Scratch valueBytes = Scratch.Of(_values, value);
        using Scratch comparandBytes = Scratch.Of(_values, comparand);
        return Bytes.TryUpdate(keyBytes.Written, valueBytes.Written, comparandBytes.Written);
    }

    /// <summary>
    /// The value of a key; where there is none, what <paramref name="factory"/> makes, which is added.
    /// </summary>
    /// <remarks>
    /// The factory runs once for all threads that ask for the key meanwhile, and no lock of the collection is held;
    /// what it throws, each of them gets, and nothing is added. Where another call adds a value before it has ended,
    /// that value counts. It must not ask for its own key (<see cref="InvalidOperationException"/>).
    /// </remarks>
    public TValue GetOrAdd(TKey key, Func<TKey, TValue> factory, DateTimeOffset? expiresAt = null)
    {
        ArgumentNullException.ThrowIfNull(factory);
        if (TryGetValue(key, out TValue? present))
        {
            return present;
        }

        Lazy<StrongBox<TValue>> made = _made.GetOrAdd(key, new Lazy<StrongBox<TValue>>(Once));
        try
        {
            return made.Value.Value!;
        }
        finally
        {
            _made.TryRemove(KeyValuePair.Create(key, made));
        }

        StrongBox<TValue> Once() => new(Make(key, factory, expiresAt));
    }

    /// <summary>
    /// Adds a value, or puts what <paramref name="update"/> makes of the present one in its place; gives what is there
    /// then. The expiry stays.
    /// </summary>
    /// <remarks>The function runs without a lock, and again where another writer was faster.</remarks>
    public TValue AddOrUpdate(TKey key, TValue value, Func<TKey, TValue, TValue> update)
    {
        ArgumentNullException.ThrowIfNull(update);
        using Scratch keyBytes = BytesOf(key);
        using var before = Scratch.Rent();
        CopyTo reader = new(before.Writer);
        while (true)
        {
            if (!Bytes.TryRead(keyBytes.Written, ref reader))
            {
                if (TryAdd(key, value))
                {
                    return value;
                }

                continue;
            }

            TValue changed = update(key, _values.Read(before.Written));
            using Scratch after = Scratch.Of(_values, changed);
            if (Bytes.TryUpdate(keyBytes.Written, after.Written, before.Written))
            {
                return changed;
            }
        }
    }

    /// <summary>Removes a record; false where there was none.</summary>
    public bool Remove(TKey key)
    {
        using Scratch keyBytes = BytesOf(key);
        return Bytes.Remove(keyBytes.Written);
    }

    /// <summary>Removes a record and gives its value; false where there was none.</summary>
    public bool Remove(TKey key, [MaybeNullWhen(false)] out TValue value)
    {
        using Scratch keyBytes = BytesOf(key);
        using var valueBytes = Scratch.Rent();
        TakeOut taken = new(valueBytes.Writer);
        Bytes.Mutate(keyBytes.Written, ref taken);
        value = taken.Done ? _values.Read(valueBytes.Written) : default;
        return taken.Done;
    }

    /// <summary>Changes when a record expires (null: never); false where there is none.</summary>
    public bool Expire(TKey key, DateTimeOffset? expiresAt)
    {
        using Scratch keyBytes = BytesOf(key);
        return Bytes.Expire(keyBytes.Written, expiresAt);
    }

    /// <summary>Removes everything: <see cref="PersistentDictionary.Clear"/>.</summary>
    public void Clear() => Bytes.Clear();

    /// <summary>
    /// Walks the records, in no order. What is there from the beginning to the end is seen at least once, whatever
    /// grows meanwhile; what comes or goes meanwhile may be or not. No lock is held while the caller has a record.
    /// </summary>
    public IEnumerator<KeyValuePair<TKey, TValue>> GetEnumerator()
    {
        List<(byte[] Key, byte[] Value)> page = [];
        ulong cursor = 0;
        do
        {
            page.Clear();
            CollectInto visitor = new(page);
            cursor = Bytes.Scan(cursor, BucketsAtOnce, ref visitor);
            foreach ((byte[] key, byte[] value) in page)
            {
                yield return KeyValuePair.Create(_keys.Read(key), _values.Read(value));
            }
        }
        while (cursor != 0);
    }

    IEnumerator IEnumerable.GetEnumerator() => GetEnumerator();

    private Scratch BytesOf(TKey key)
    {
        if (key is null) // ThrowIfNull would box a struct.
        {
            throw new ArgumentNullException(nameof(key));
        }

        return Scratch.Of(_keys, key);
    }

    private TValue Make(TKey key, Func<TKey, TValue> factory, DateTimeOffset? expiresAt)
    {
        // The factory of a thread that was before us may have ended between our look and our place in the row.
        if (TryGetValue(key, out TValue? present))
        {
            return present;
        }

        TValue value = factory(key);
        while (!TryAdd(key, value, expiresAt))
        {
            if (TryGetValue(key, out present))
            {
                return present;
            }
        }

        return value;
    }
}
