using GuestMemFs;
using KvStore.Engine;

namespace KvStore.Commands;

/// <summary>Makes room by removing keys, as <c>maxmemory-policy</c> says.</summary>
internal static class Eviction
{
    private const long LeastBytes = 16 << 10;
    private const int BucketsAtATime = 1 << 16;

    /// <summary>Removes keys until records take no more than <c>maxmemory</c>; false where they still do.</summary>
    public static bool MakeRoom(KvEngine engine)
    {
        bool may = true;
        while (engine.IsOverLimit && may)
        {
            may = TryEvict(engine);
        }

        return may;
    }

    /// <summary>A command found no room: removes keys, more with each try. False where nothing may go.</summary>
    public static bool Free(KvEngine engine, int tries, long bytes)
    {
        if (engine.Options.Policy == EvictionPolicy.NoEviction || engine.InGroup
            || tries >= KvEngine.MostTries)
        {
            return false;
        }

        long enough = engine.Databases.RecordBytes - (Math.Max(bytes, LeastBytes) << tries);
        bool any = false;
        while (engine.Databases.RecordBytes > enough && TryEvict(engine))
        {
            any = true;
        }

        return any;
    }

    private static bool TryEvict(KvEngine engine)
    {
        if (engine.Options.Policy == EvictionPolicy.NoEviction || engine.InGroup)
        {
            return false;
        }

        while (engine.Evictable.TryTake(out Database? database, out byte[]? key))
        {
            engine.Databases.Select(database.Number);
            if (TryRemove(engine, database, key))
            {
                engine.Statistics.Evicted++;
                engine.Usage?.Forget(database, key);
                engine.Touch(key);
                engine.Notify(KeyEvents.Evicted, "evicted", key);
                return true;
            }
        }

        return RemoveExpired(engine);
    }

    /// <summary>What has expired is not seen, and takes room until it is removed.</summary>
    private static bool RemoveExpired(KvEngine engine)
    {
        int removed = 0;
        foreach (Database database in engine.Databases.Made)
        {
            engine.Databases.Select(database.Number);
            removed += engine.RemoveExpired(BucketsAtATime);
        }

        return removed > 0;
    }

    private static bool TryRemove(KvEngine engine, Database database, byte[] key)
    {
        try
        {
            bool removed = Keys.Remove(database, key, out bool wasLarge);
            while (wasLarge && !engine.FreeNested(database, 1 << 10))
            {
                // Its entries are the room.
            }

            return removed;
        }
        catch (ArenaOutOfSpaceException)
        {
            return false; // a large collection, whose note has no room: another one goes
        }
    }
}
