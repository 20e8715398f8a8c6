using GuestMemFs;
using KvStore.Engine;

namespace KvStore.Commands;

/// <summary>
/// Removes fields of hashes that have expired, in the background: those that are due first, some at a time, each hash
/// in one step.
/// </summary>
internal static class FieldSweep
{
    private const int FieldsAtATime = 128;
    private const int NotesAtATime = 32;

    /// <summary>
    /// Removes some of the selected database's; how much it did. Where nothing is due it looks for notes that say
    /// nothing any more.
    /// </summary>
    public static int Run(KvEngine engine)
    {
        FieldDues dues = engine.Databases.Selected.FieldDues;
        if (!dues.TryGetFirst(out long time, out byte[] key))
        {
            return 0;
        }

        if (time > WallClock.Milliseconds)
        {
            return ForgetStale(engine, dues);
        }

        FieldMap hash = HashOf(engine);
        if (!hash.TryOpen(key) || hash.NotedTime != time)
        {
            dues.Forget(time, key);
            return 1;
        }

        try
        {
            Remove(engine, hash, key, FieldsAtATime);
        }
        catch (ArenaOutOfSpaceException)
        {
            hash.TryOpen(key); // as it is
            Remove(engine, hash, key, 1);
        }

        Tell(engine, hash, key);
        return Math.Max(1, hash.Expired);
    }

    /// <summary>Removes the key of a hash of which all fields have expired: a command is about to look at it.</summary>
    public static void RemoveGone(KvEngine engine, ReadOnlySpan<byte> key)
    {
        FieldMap hash = HashOf(engine);
        if (hash.TryOpen(key) && hash.NotedTime != FieldTimes.Never && !hash.Exists && engine.WriteRefusal.IsEmpty
            && !engine.Pause.IsOn)
        {
            Remove(engine, hash, key, 1);
            Tell(engine, hash, key);
        }
    }

    // With the engine's own what is left is read for the record.
    private static FieldMap HashOf(KvEngine engine) => engine.Replicates
        ? new FieldMap(engine.Keyspace, engine.Options, RecordType.Hash) : engine.Hash;

    /// <summary>Removes those of the next notes that say nothing of their keys any more; how many.</summary>
    private static int ForgetStale(KvEngine engine, FieldDues dues)
    {
        int forgotten = 0;
        for (int i = 0; i < NotesAtATime && dues.TryGetNext(out long time, out byte[] key); i++)
        {
            if (!engine.Hash.TryOpen(key) || engine.Hash.NotedTime != time)
            {
                dues.Forget(time, key);
                forgotten++;
            }
        }

        return forgotten;
    }

    private static void Remove(KvEngine engine, FieldMap hash, ReadOnlySpan<byte> key, int most)
    {
        AtomicScope atomic = engine.BeginAtomic(
            hash.IsLarge ? FieldMap.TimedStoresOf(most) : engine.Replicates ? 1 : 0);
        try
        {
            hash.RemoveExpired(most);
            hash.Commit();
            if (engine.Replicates)
            {
                Propagation.RecordKey(engine, engine.Databases.Selected.Number, key);
            }

            atomic.Commit();
        }
        finally
        {
            atomic.Dispose();
        }
    }

    private static void Tell(KvEngine engine, FieldMap hash, ReadOnlySpan<byte> key)
    {
        engine.Statistics.ExpiredFields += hash.Expired;
        engine.Notify(KeyEvents.Hash, "hexpired", key);
        if (!hash.Exists)
        {
            engine.Notify(KeyEvents.Generic, "del", key);
        }

        if (engine.Onlookers.Any)
        {
            engine.Touch(key);
        }
    }
}
