using KvStore.Engine;
using KvStore.Protocol;

namespace KvStore.Commands;

/// <summary>Changes a collection. It replies; what it did is made true after it.</summary>
internal delegate void CollectionChange<T>(in Call call, T collection)
    where T : Collection;

/// <summary>What commands on collections have in common: opening, the type, one step over a crash.</summary>
internal static class CollectionCalls
{
    /// <inheritdoc cref="Collection.LongestElement"/>
    public const int LongestElement = Collection.LongestElement;

    /// <summary>Opens what a key has for reading, or replies that it is of another type.</summary>
    public static bool TryRead(in Call call, Collection collection, ReadOnlySpan<byte> key)
    {
        if (!collection.TryOpen(key))
        {
            call.Reply.Error(Errors.WrongType);
            return false;
        }

        call.Looked(collection.Exists, key);
        return true;
    }

    /// <inheritdoc cref="TryRead(in Call, Collection, ReadOnlySpan{byte})"/>
    public static bool TryRead(in Call call, Collection collection) => TryRead(call, collection, call.Key);

    /// <summary>
    /// Changes the collection of the first key: all that the change does or nothing, over a crash as well.
    /// </summary>
    /// <param name="call">The command.</param>
    /// <param name="collection">What is opened.</param>
    /// <param name="changes">How many entries of a large one it changes at most.</param>
    /// <param name="change">The change.</param>
    public static void Change<T>(in Call call, T collection, int changes, CollectionChange<T> change)
        where T : Collection
    {
        if (TryChange(call, collection, changes, change))
        {
            Changed(call, collection, call.Command.Event);
        }
    }

    /// <summary>The same, and nobody is told yet; false where nothing changed.</summary>
    /// <param name="call">The command.</param>
    /// <param name="collection">What is opened.</param>
    /// <param name="changes">How many entries of a large one it changes at most.</param>
    /// <param name="change">The change.</param>
    /// <param name="stores">How many stores that is, where the collection cannot know; else 0.</param>
    public static bool TryChange<T>(
        in Call call, T collection, int changes, CollectionChange<T> change, int stores = 0)
        where T : Collection
    {
        if (!collection.TryOpen(call.Key))
        {
            call.Reply.Error(Errors.WrongType);
            return false;
        }

        stores = collection.IsLarge ? Math.Max(stores, collection.StoresOf(changes)) : 0;
        AtomicScope atomic = call.Engine.BeginAtomic(stores > 1 ? stores : 0);
        try
        {
            change(call, collection);
            collection.Commit();
            atomic.Commit();
        }
        finally
        {
            atomic.Dispose();
        }

        return collection.IsChanged;
    }

    /// <summary>Tells watchers and subscribers that the first key's collection changed.</summary>
    /// <param name="call">The command.</param>
    /// <param name="collection">What changed.</param>
    /// <param name="name">The event.</param>
    /// <param name="second">One more, where it is not null.</param>
    public static void Changed(in Call call, Collection collection, string name, string? second = null)
    {
        int expired = collection is FieldMap map ? map.Expired : 0;
        if (expired > 0)
        {
            call.Engine.Statistics.ExpiredFields += expired;
            call.Published(call.Key, KeyEvents.Hash, "hexpired");
        }

        call.Changed(call.Key, call.Command.EventKind, name);
        if (second is not null)
        {
            call.Published(call.Key, call.Command.EventKind, second);
        }

        if (!collection.Exists)
        {
            call.Published(call.Key, KeyEvents.Generic, "del");
        }
    }

    /// <summary>Gives a key these elements in place of what it has, and replies how many they are.</summary>
    /// <param name="call">The command.</param>
    /// <param name="key">The key.</param>
    /// <param name="result">What is opened for it.</param>
    /// <param name="elements">The elements; without any the key goes.</param>
    /// <param name="add">Adds one.</param>
    public static void Store<T, TElement>(
        in Call call,
        ReadOnlySpan<byte> key,
        T result,
        IReadOnlyCollection<TElement> elements,
        Action<T, TElement> add)
        where T : Collection
    {
        result.OpenNew(key);
        bool existed = result.IsChanged;
        foreach (TElement element in elements)
        {
            add(result, element);
        }

        result.Commit();
        call.Reply.Integer(elements.Count);
        if (result.Exists)
        {
            call.Changed(key);
        }
        else if (existed)
        {
            call.Changed(key, KeyEvents.Generic, "del");
        }
    }

    /// <summary>False, and an error is replied, where elements are longer than what can be looked up.</summary>
    public static bool AreShort(in Call call, int first, int step)
    {
        for (int i = first; i < call.Args.Count; i += step)
        {
            if (call.Args[i].Length > LongestElement)
            {
                call.Reply.Error(Errors.ElementTooLong);
                return false;
            }
        }

        return true;
    }
}
