using System.Diagnostics;
using GuestMemFs;
using KvStore.Engine;
using KvStore.Protocol;
using KvStore.Session;

namespace KvStore.Commands;

/// <summary>Makes room by removing keys, as <c>maxmemory-policy</c> says.</summary>
internal static class Eviction
{
    private const long LeastBytes = 16 << 10;
    private const int BucketsAtATime = 1 << 16;

    /// <summary>
    /// Removes keys until records take no more than <c>maxmemory</c> and the ballast is in; false where there is no
    /// such room.
    /// </summary>
    public static bool MakeRoom(KvEngine engine)
    {
        bool may = !engine.Follows; // a replica has what its master has
        while (may && (engine.IsOverLimit || !IsBallastIn(engine)))
        {
            may = TryEvict(engine);
        }

        return may;
    }

    /// <summary>
    /// Removes keys for as long as these take more than CONFIG SET maxmemory allows, and no longer than a turn.
    /// </summary>
    /// <returns>True where they still do, and more may go.</returns>
    public static bool TakeTurn(KvEngine engine, TimeSpan turn)
    {
        long start = Stopwatch.GetTimestamp();
        ClientSession? current = engine.PubSub.Current;
        engine.PubSub.Current = null; // a client whose command is about to run hears of it before the reply
        try
        {
            bool may = !engine.IsReadOnly;
            while (may && engine.IsOverLimit)
            {
                if (Stopwatch.GetElapsedTime(start) >= turn)
                {
                    return true;
                }

                may = TryEvict(engine);
            }

            return false;
        }
        finally
        {
            engine.PubSub.Current = current;
        }
    }

    /// <summary>
    /// A command found no room: removes keys, more with each try, or throws the ballast out. False where nothing may
    /// go.
    /// </summary>
    /// <param name="engine">The engine.</param>
    /// <param name="tries">How often the command was tried before.</param>
    /// <param name="bytes">Bytes that it may need.</param>
    /// <param name="denies">Whether the command is one that is refused while the ballast is out.</param>
    public static bool Free(KvEngine engine, int tries, long bytes, bool denies) =>
        !engine.InGroup && tries < KvEngine.MostTries
            && (Evict(engine, tries, bytes) || (!denies && engine.Keyspace.Ballast.TryThrowOut()));

    /// <summary>
    /// As <see cref="Free"/>, and garbage first: what is there at a later try is the command's own, which it began and
    /// found no room for.
    /// </summary>
    public static bool FreeAny(KvEngine engine, int tries, long bytes, bool denies) =>
        (engine.FreeGarbage() && tries == 0) || Free(engine, tries, bytes, denies);

    /// <summary>A group could not begin: true where there is more room for it now; else it is refused.</summary>
    public static bool FreeFor(in Call call, int tries, long bytes)
    {
        call.Engine.RanOutOfRoom = true;
        bool more = FreeAny(call.Engine, tries, bytes, denies: false);
        if (!more)
        {
            call.Engine.Statistics.OutOfMemory++;
            call.Reply.Error(Errors.OutOfMemory);
        }

        return more;
    }

    private static bool IsBallastIn(KvEngine engine) =>
        engine.InGroup || engine.IsReadOnly || engine.Keyspace.Ballast.TryTakeIn(engine.Databases.RecordBytes);

    private static bool Evict(KvEngine engine, int tries, long bytes)
    {

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
        if (engine.Options.Policy == EvictionPolicy.NoEviction || engine.InGroup || engine.Follows)
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

    private static bool RemoveAndRecord(KvEngine engine, Database database, byte[] key, out bool wasLarge)
    {
        AtomicScope atomic = engine.BeginRecorded();
        try
        {
            bool removed = Keys.Remove(database, key, out wasLarge);
            if (removed && engine.Replicates)
            {
                engine.Feed.Effects.OfKey(database.Number, "DEL"u8, key);
            }

            atomic.Commit();
            return removed;
        }
        finally
        {
            atomic.Dispose();
        }
    }

    private static bool TryRemove(KvEngine engine, Database database, byte[] key)
    {
        try
        {
            bool removed = RemoveAndRecord(engine, database, key, out bool wasLarge);
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
