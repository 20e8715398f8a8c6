using System.Diagnostics.CodeAnalysis;
using GuestMemFs;

namespace KvStore.Engine;

/// <summary>
/// The keys that may go next: a few of each database are looked at, at random, and the best of all that were looked
/// at lately are kept here. As Redis approximates its policies.
/// </summary>
internal sealed class EvictionPool(Databases databases, ServerOptions options)
{
    private const int Most = 16;
    private const int Rounds = 16;
    private const int BucketsAtATime = 16;

    // From the worst to the best one.
    private readonly List<Candidate> _candidates = [];
    private readonly ulong[] _cursors = new ulong[Databases.Most];
    private uint _turn;

    /// <summary>When keys were used, or how often; null where nobody asks for it.</summary>
    public KeyUsage? Usage { get; private set; }

    /// <summary>Takes the key that goes next; false where none may go.</summary>
    public bool TryTake([NotNullWhen(true)] out Database? database, [NotNullWhen(true)] out byte[]? key)
    {
        EvictionPolicy policy = options.Policy;
        for (int round = 0; round < Rounds; round++)
        {
            bool any = false;
            foreach (Database one in Turn(policy))
            {
                any |= Look(one, policy);
            }

            if (TryTakeBest(policy, out database, out key))
            {
                return true;
            }

            if (!any)
            {
                break;
            }
        }

        (database, key) = (null, null);
        return false;
    }

    /// <summary>The policy may be another one: from now on it is known what that needs.</summary>
    /// <param name="needsTimes">True where somebody asked when keys were used.</param>
    public void FollowPolicy(bool needsTimes = false)
    {
        bool counts = options.Policy.IsLfu();
        if (!counts && !options.Policy.IsLru() && !needsTimes)
        {
            Usage = null;
        }
        else if (Usage?.CountsUses != counts)
        {
            Usage = new KeyUsage(options, counts);
        }

        _candidates.Clear();
    }

    // At random means one after the other; else the best of all.
    private Database[] Turn(EvictionPolicy policy)
    {
        Database[] all = [.. databases.Made.Where(it =>
            (policy.IsVolatile() ? it.Keys.ExpiringCount : it.Keys.Count) > 0)];
        return policy.IsRandom() && all.Length > 0 ? [all[_turn++ % (uint)all.Length]] : all;
    }

    /// <summary>Looks at some keys of a database; true where there are any.</summary>
    private bool Look(Database database, EvictionPolicy policy)
    {
        Looker looker = new(this, database, policy);
        int samples = policy.IsRandom() ? 1 : options.EvictionSamples;
        if (!policy.IsVolatile())
        {
            for (int i = 0; i < samples; i++)
            {
                database.Keys.TryVisitRandom(ref looker);
            }

            return looker.Seen > 0;
        }

        // Those that expire may be few: from where the last look ended, once around at most.
        ref ulong cursor = ref _cursors[database.Place];
        for (int wraps = 0; wraps < 2 && looker.Seen < samples;)
        {
            cursor = database.Keys.Scan(cursor, BucketsAtATime, ref looker);
            wraps += cursor == 0 ? 1 : 0;
        }

        return looker.Seen > 0;
    }

    private bool TryTakeBest(
        EvictionPolicy policy, [NotNullWhen(true)] out Database? database, [NotNullWhen(true)] out byte[]? key)
    {
        while (_candidates.Count > 0)
        {
            Candidate best = _candidates[^1];
            _candidates.RemoveAt(_candidates.Count - 1);
            var facts = default(FactsReader);
            if (best.Database.Keys.TryRead(best.Key, ref facts)
                && !(policy.IsVolatile() && facts.ExpiresAt == RecordView.NoExpiry))
            {
                (database, key) = (best.Database, best.Key);
                return true;
            }
        }

        (database, key) = (null, null);
        return false;
    }

    private void Offer(Database database, EvictionPolicy policy, in RecordView record)
    {
        ulong score =
            policy.IsRandom() ? (ulong)Random.Shared.NextInt64()
            : policy == EvictionPolicy.VolatileTtl ? ulong.MaxValue - (ulong)record.ExpiresAt
            : policy.IsLfu() ? byte.MaxValue - Usage!.Frequency(database, record.Key)
            : Usage!.IdleMilliseconds(database, record.Key);
        int place = 0;
        while (place < _candidates.Count && _candidates[place].Score < score)
        {
            place++;
        }

        if (_candidates.Count == Most)
        {
            if (place == 0)
            {
                return;
            }

            _candidates.RemoveAt(0);
            place--;
        }

        _candidates.Insert(place, new Candidate(score, database, record.Key.ToArray()));
    }

    private readonly record struct Candidate(ulong Score, Database Database, byte[] Key);

    private struct Looker(EvictionPool pool, Database database, EvictionPolicy policy) : IRecordVisitor
    {
        /// <summary>How many that may go.</summary>
        public int Seen { get; private set; }

        public void Visit(in RecordView record)
        {
            if (!policy.IsVolatile() || record.ExpiresAt != RecordView.NoExpiry)
            {
                Seen++;
                pool.Offer(database, policy, record);
            }
        }
    }
}
