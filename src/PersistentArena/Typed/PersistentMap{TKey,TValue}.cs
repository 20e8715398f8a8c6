using System.Collections;
using System.Collections.Concurrent;
using System.Diagnostics.CodeAnalysis;
using System.Runtime.CompilerServices;
using GuestMemFs.Collections;
using GuestMemFs.Typed;

namespace GuestMemFs;

/// <summary>
/// What typed dictionaries and sorted maps have in common: a crash-safe collection of bytes with a serializer for keys
/// and one for values. A change that has returned is there after SIGKILL; one that was in flight is whole or absent.
/// </summary>
/// <remarks>
/// <para>Thread-safe. Which call may meet which is said of the collections of bytes in docs/threads.md; a serializer is
/// called outside of their callbacks, and may use other collections.</para>
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
public abstract class PersistentMap<TKey, TValue> : IEnumerable<KeyValuePair<TKey, TValue>>
    where TKey : notnull
{
    // Factories at work, by key: each runs once, whoever waits for it.
    private readonly ConcurrentDictionary<TKey, Lazy<StrongBox<TValue>>> _made = new();

    private protected PersistentMap(
        IByteRecords records, IPersistentSerializer<TKey> keys, IPersistentSerializer<TValue> values)
    {
        Records = records;
        Keys = keys;
        Values = values;
    }

    private protected IByteRecords Records { get; }

    private protected IPersistentSerializer<TKey> Keys { get; }

    private protected IPersistentSerializer<TValue> Values { get; }

    /// <summary>The number of records, those that have expired but are not yet removed included.</summary>
    public long Count => Records.Count;

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
        bool found = Records.TryCopy(keyBytes.Written, valueBytes.Writer);
        value = found ? Values.Read(valueBytes.Written) : default;
        return found;
    }

    /// <summary>True where there is a record.</summary>
    public bool ContainsKey(TKey key)
    {
        using Scratch keyBytes = BytesOf(key);
        return Records.ContainsKey(keyBytes.Written);
    }

    /// <summary>Sets a value, and when it expires.</summary>
    /// <exception cref="ArgumentException">The key or the value has too many bytes.</exception>
    /// <exception cref="ArenaOutOfSpaceException">There is no room; nothing was changed.</exception>
    public void Set(TKey key, TValue value, DateTimeOffset? expiresAt = null)
    {
        using Scratch keyBytes = BytesOf(key);
        using Scratch valueBytes = Scratch.Of(Values, value);
        Records.Set(keyBytes.Written, valueBytes.Written, expiresAt);
    }

    /// <summary>Adds a value where there is none; false where there is one.</summary>
    public bool TryAdd(TKey key, TValue value, DateTimeOffset? expiresAt = null)
    {
        using Scratch keyBytes = BytesOf(key);
        using Scratch valueBytes = Scratch.Of(Values, value);
        return Records.TryAdd(keyBytes.Written, valueBytes.Written, expiresAt);
    }

    /// <summary>
    /// Compare-and-swap: puts a value in place of <paramref name="comparand"/>; false where the value is another, or
    /// none. The expiry stays.
    /// </summary>
    /// <remarks>Two values are the same where their bytes are.</remarks>
    public bool TryUpdate(TKey key, TValue value, TValue comparand)
    {
        using Scratch keyBytes = BytesOf(key);
        using Scratch valueBytes = Scratch.Of(Values, value);
        using Scratch comparandBytes = Scratch.Of(Values, comparand);
        return Records.TryUpdate(keyBytes.Written, valueBytes.Written, comparandBytes.Written);
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

        return GetOrMake(key, factory, expiresAt);
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
        while (true)
        {
            if (!Records.TryCopy(keyBytes.Written, before.Writer))
            {
                if (TryAdd(key, value))
                {
                    return value;
                }

                continue;
            }

            TValue changed = update(key, Values.Read(before.Written));
            using Scratch after = Scratch.Of(Values, changed);
            if (Records.TryUpdate(keyBytes.Written, after.Written, before.Written))
            {
                return changed;
            }
        }
    }

    /// <summary>Removes a record; false where there was none.</summary>
    public bool Remove(TKey key)
    {
        using Scratch keyBytes = BytesOf(key);
        return Records.Remove(keyBytes.Written);
    }

    /// <summary>Removes a record and gives its value; false where there was none.</summary>
    public bool Remove(TKey key, [MaybeNullWhen(false)] out TValue value)
    {
        using Scratch keyBytes = BytesOf(key);
        using var valueBytes = Scratch.Rent();
        bool done = Records.TryTake(keyBytes.Written, valueBytes.Writer);
        value = done ? Values.Read(valueBytes.Written) : default;
        return done;
    }

    /// <summary>Changes when a record expires (null: never); false where there is none.</summary>
    public bool Expire(TKey key, DateTimeOffset? expiresAt)
    {
        using Scratch keyBytes = BytesOf(key);
        return Records.Expire(keyBytes.Written, expiresAt);
    }

    /// <summary>Walks the records. No lock is held while the caller has one.</summary>
    public abstract IEnumerator<KeyValuePair<TKey, TValue>> GetEnumerator();

    IEnumerator IEnumerable.GetEnumerator() => GetEnumerator();

    private protected Scratch BytesOf(TKey key)
    {
        if (key is null) // ThrowIfNull would box a struct.
        {
            throw new ArgumentNullException(nameof(key));
        }

        return Scratch.Of(Keys, key);
    }

    // Apart, because what it captures would be allocated for a key that is there too.
    private TValue GetOrMake(TKey key, Func<TKey, TValue> factory, DateTimeOffset? expiresAt)
    {
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
