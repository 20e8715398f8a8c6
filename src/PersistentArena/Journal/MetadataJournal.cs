using GuestMemFs.Format;

namespace GuestMemFs.Journal;

/// <summary>
/// The writer's end of the journal: commit by one 8-byte store, and compaction into the other half. Not thread-safe.
/// </summary>
/// <remarks>
/// <code>
///   half of generation g in force --records, full--> g + 1 written behind its back --active word--> g + 1 in force
/// </code>
/// <para>Invariants:</para>
/// <list type="number">
/// <item>At every instant one half is in force and reads whole: the log up to its tail word.</item>
/// <item>The log ends within its half, at a multiple of 8. Else the tail word names bytes that are no record.</item>
/// <item>A compacted log is no longer than <see cref="CompactedLength"/> says. Else a commit that was promised room has
/// none.</item>
/// <item>Who commits is the newest writer. Else two writers' records lie in one log.</item>
/// </list>
/// </remarks>
internal sealed unsafe class MetadataJournal
{
    private const int CompactionRecord = 16 * 1024;

    private readonly MetadataLayout _layout;
    private readonly string _where;
    private uint _generation;
    private uint _seed;
    private int _tail;
    private ulong _sequence;

    private MetadataJournal(MetadataLayout layout, string where, JournalImage image)
    {
        _layout = layout;
        _where = where;
        Tables = image.Tables;
        _generation = image.Generation;
        _seed = JournalHeader.SeedOf(layout.Superblock.ArenaId, _generation);
        _tail = image.Tail;
        _sequence = image.Sequence;
    }

    /// <summary>What the journal says now.</summary>
    public MetadataTables Tables { get; }

    /// <summary>Bytes of log in the half in force.</summary>
    public int LogLength => _tail;

    /// <summary>Bytes of log that a half has room for.</summary>
    public int LogCapacity => _layout.LogCapacity;

    /// <summary>
    /// The epoch that commits are made under; another one in the writer's word means that this writer was superseded. 0
    /// while it is being taken.
    /// </summary>
    public uint Epoch { get; set; }

    /// <summary>False where another writer has taken over.</summary>
    public bool IsNewest => _layout.HasEpoch(Epoch);

    private byte* Half => _layout.Half(_generation);

    /// <summary>Makes the first journal of an arena. The active word is published last.</summary>
    public static void Format(MetadataLayout layout)
    {
        const uint First = 1;
        JournalHeader.Invalidate(layout.Half(First));
        JournalHeader.Invalidate(layout.Half(First + 1));
        uint seed = JournalHeader.SeedOf(layout.Superblock.ArenaId, First);
        ReadOnlySpan<byte> record = new Transaction().Set(ArenaState.Initial).Seal(sequence: 1, seed);
        byte* half = layout.Half(First);
        Persist.Copy(half + JournalHeader.LogOffset, record);
        Persist.Publish((ulong*)(half + JournalHeader.TailOffset), SealedWord.Seal((uint)record.Length, seed));
        JournalHeader.Write(half, First, layout.Superblock.ArenaId, layout.LogCapacity);
        Persist.Publish(layout.Active, SealedWord.Seal(First, layout.Seed(WordKind.Active)));
    }

    /// <summary>Replays the journal for the one writer, mends what one damaged word hides, and says so.</summary>
    /// <exception cref="ArenaDamagedException">A committed record does not check.</exception>
    public static MetadataJournal Open(MetadataLayout layout, string where, List<AttachReason> findings)
    {
        uint activeSeed = layout.Seed(WordKind.Active);
        bool activeIntact = SealedWord.TryOpen(Words.Read(layout.Active), activeSeed, out uint generation);
        JournalImage image = activeIntact
            ? JournalImage.Read(layout.Half(generation), generation, layout.Superblock.ArenaId, layout.LogCapacity,
                where)
            : JournalImage.ReadNewest(layout, where);
        var journal = new MetadataJournal(layout, where, image);
        if (!activeIntact)
        {
            Persist.Publish(layout.Active, SealedWord.Seal(image.Generation, activeSeed));
            findings.Add(new(ReasonCodes.ActiveWordRepaired,
                "The active word did not check; the newest journal half that reads whole is of " +
                $"generation {image.Generation}."));
        }

        if (image.HeaderDamaged)
        {
            JournalHeader.Write(journal.Half, image.Generation, layout.Superblock.ArenaId, layout.LogCapacity);
            findings.Add(new(ReasonCodes.JournalHeaderRepaired,
                "The journal's header did not check and was written anew; tail word and records stood."));
        }

        if (image.TailDamaged)
        {
            journal.PublishTail(image.Tail);
            findings.Add(new(ReasonCodes.TailWordRepaired,
                $"The journal's tail word did not check; its records were followed to their end, {image.Tail} bytes."));
        }

        journal.DropUnfinishedCompaction(findings);
        return journal;
    }

    /// <summary>
    /// Makes room for a record of this length, by compaction if need be, so that committing it cannot fail for want of
    /// room.
    /// </summary>
    /// <exception cref="ArenaMetadataFullException">There is no room even then. Nothing changed.</exception>
    public void EnsureRoom(int recordBytes)
    {
        if (_tail + recordBytes <= LogCapacity)
        {
            return;
        }

        int compacted = CompactedLength(Tables);
        if (compacted + recordBytes > LogCapacity)
        {
            throw new ArenaMetadataFullException(_where, recordBytes, compacted, LogCapacity, Tables.RegionCount);
        }

        Compact();
    }

    /// <summary>Commits a transaction: all of it is there, or none.</summary>
    /// <exception cref="ArenaFencedException">Another writer has taken over. Nothing changed.</exception>
    public void Commit(Transaction transaction)
    {
        CheckEpoch();
        EnsureRoom(transaction.Length);
        ReadOnlySpan<byte> record = transaction.Seal(_sequence + 1, _seed);
        Invariant.Holds(_tail + record.Length <= LogCapacity && record.Length % 8 == 0, 2);
        Persist.Copy(Half + JournalHeader.LogOffset + _tail, record);
        CheckEpoch();
        PublishTail(_tail + record.Length);
        Invariant.Holds(Epoch == 0 || IsNewest, 4);
        _sequence++;
        if (!Tables.Apply(transaction.Operations))
        {
            throw new InvalidOperationException("A transaction that this library made cannot be applied: a bug.");
        }
    }

    /// <summary>Throws where another writer has taken over.</summary>
    public void CheckEpoch()
    {
        if (Epoch != 0 && !IsNewest)
        {
            throw new ArenaFencedException(_where, Epoch, (uint)Words.Read(_layout.Epoch));
        }
    }

    /// <summary>Writes the whole state as one log into the other half, then puts that half in force.</summary>
    public void Compact()
    {
        CheckEpoch();
        uint next = NextGeneration();
        uint seed = JournalHeader.SeedOf(_layout.Superblock.ArenaId, next);
        byte* half = _layout.Half(next);
        JournalHeader.Invalidate(half);
        int tail = 0;
        ulong sequence = _sequence;
        var record = new Transaction();
        record.Set(Tables.State);
        foreach (RegionNode region in Tables.Regions)
        {
            record.Put(region.Entry);
            foreach (ExtentEntry extent in region.Extents)
            {
                record.Put(extent);
            }

            if (record.Length >= CompactionRecord)
            {
                Flush();
            }
        }

        foreach (ExtentEntry extent in Tables.Extents.Where(extent => extent.State != ExtentState.InUse))
        {
            record.Put(extent);
        }

        Flush();
        Invariant.Holds(tail <= CompactedLength(Tables) && tail <= LogCapacity, 3);
        CheckEpoch();
        Persist.Publish((ulong*)(half + JournalHeader.TailOffset), SealedWord.Seal((uint)tail, seed));
        JournalHeader.Write(half, next, _layout.Superblock.ArenaId, LogCapacity);
        ulong active = SealedWord.Seal(next, _layout.Seed(WordKind.Active));
        Persist.Publish(_layout.Active, active); // COMMIT POINT: journal compaction
        JournalHeader.Invalidate(Half);
        (_generation, _seed, _tail, _sequence) = (next, seed, tail, sequence);

        void Flush()
        {
            ReadOnlySpan<byte> bytes = record.Seal(++sequence, seed);
            Persist.Copy(half + JournalHeader.LogOffset + tail, bytes);
            tail += bytes.Length;
            record.Clear();
        }
    }

    private uint NextGeneration() => _generation < uint.MaxValue ? _generation + 1
        : throw ArenaDamagedException.Journal(_where, _generation, 0,
            "its generation is the last there is, which no arena reaches");

    private void PublishTail(int tail)
    {
        ulong* word = (ulong*)(Half + JournalHeader.TailOffset);
        Persist.Publish(word, SealedWord.Seal((uint)tail, _seed)); // COMMIT POINT: journal record
        _tail = tail;
    }

    /// <summary>
    /// A compaction that was written and never put in force must not be taken for the newest half later on.
    /// </summary>
    private void DropUnfinishedCompaction(List<AttachReason> findings)
    {
        byte* other = _layout.Half(_generation + 1);
        JournalHeader header = JournalHeader.ReadFrom(other);
        if (!header.IsIntact(_layout.Superblock.ArenaId))
        {
            return;
        }

        JournalHeader.Invalidate(other);
        if (header.Generation > _generation)
        {
            findings.Add(new(ReasonCodes.CompactionRolledBack,
                $"A compaction to generation {header.Generation} was not finished and was rolled back."));
        }
    }

    /// <summary>An upper bound of the log's length after compaction.</summary>
    internal static int CompactedLength(MetadataTables tables)
    {
        long bytes = (2 * RecordHeader.Bytes) + OperationHeader.Bytes + StateBody.Bytes;
        foreach (RegionNode region in tables.Regions)
        {
            bytes += OperationHeader.Bytes + RegionBody.Bytes
                + ((System.Text.Encoding.UTF8.GetByteCount(region.Entry.Name) + 7) & ~7);
        }

        bytes += (long)tables.Extents.Count * (OperationHeader.Bytes + ExtentBody.Bytes);
        return (int)Math.Min(bytes + (bytes / CompactionRecord * RecordHeader.Bytes), int.MaxValue / 2);
    }
}
