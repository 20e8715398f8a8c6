using GuestMemFs.Format;

namespace GuestMemFs.Journal;

/// <summary>What one journal half says, and what of it had to be worked out because it was damaged.</summary>
internal sealed unsafe class JournalImage
{
    private JournalImage(
        uint generation, int tail, ulong sequence, MetadataTables tables, bool headerDamaged, bool tailDamaged)
    {
        Generation = generation;
        Tail = tail;
        Sequence = sequence;
        Tables = tables;
        HeaderDamaged = headerDamaged;
        TailDamaged = tailDamaged;
    }

    /// <summary>The half's generation.</summary>
    public uint Generation { get; }

    /// <summary>Bytes of log.</summary>
    public int Tail { get; }

    /// <summary>The last record's number.</summary>
    public ulong Sequence { get; }

    /// <summary>What the log says.</summary>
    public MetadataTables Tables { get; }

    /// <summary>The header did not check; the tail word stood for it.</summary>
    public bool HeaderDamaged { get; }

    /// <summary>The tail word did not check; the records were followed to their end.</summary>
    public bool TailDamaged { get; }

    /// <summary>Reads a half of a known generation.</summary>
    /// <param name="half">The half, or a copy of as much of it as there is log.</param>
    /// <param name="generation">Its generation.</param>
    /// <param name="arenaId">The arena's id.</param>
    /// <param name="capacity">Bytes of log that may be read behind <see cref="JournalHeader.LogOffset"/>.</param>
    /// <param name="where">Names the journal in the error.</param>
    /// <exception cref="ArenaDamagedException">It does not check, and says where.</exception>
    public static JournalImage Read(byte* half, uint generation, Guid arenaId, int capacity, string where)
    {
        uint seed = JournalHeader.SeedOf(arenaId, generation);
        JournalHeader header = JournalHeader.ReadFrom(half);
        bool headerIntact = header.IsIntact(arenaId) && header.Generation == generation;
        bool tailIntact = SealedWord.TryOpen(Words.Read((ulong*)(half + JournalHeader.TailOffset)), seed, out uint tail)
            && tail <= capacity;
        if (!headerIntact && !tailIntact)
        {
            throw ArenaDamagedException.Journal(where, generation, 0, "neither the header nor the tail word checks");
        }

        var log = new ReadOnlySpan<byte>(half + JournalHeader.LogOffset, capacity);
        int length = tailIntact ? (int)tail : JournalReader.Follow(log, seed);
        if (length == 0)
        {
            throw ArenaDamagedException.Journal(where, generation, 0, "there is no record that checks");
        }

        var tables = new MetadataTables();
        int read = JournalReader.Replay(log[..length], seed, tables, out ulong sequence);
        if (read != length)
        {
            throw ArenaDamagedException.Journal(where, generation, read,
                $"{(tables.Fault is { } fault ? $"the record checks, and {fault}" : "the record does not check")}, " +
                $"and {length - read} bytes of the log stand behind its start");
        }

        if (!tables.IsConsistent())
        {
            throw ArenaDamagedException.Journal(where, generation, length, "its entries contradict each other");
        }

        return new JournalImage(generation, length, sequence, tables, !headerIntact, !tailIntact);
    }

    /// <summary>Finds the half in force without the active word: the newest one that reads whole.</summary>
    public static JournalImage ReadNewest(MetadataLayout layout, string where)
    {
        uint newest = 0;
        for (uint parity = 0; parity < 2; parity++)
        {
            JournalHeader header = JournalHeader.ReadFrom(layout.Half(parity));
            if (header.IsIntact(layout.Superblock.ArenaId) && (header.Generation & 1) == parity
                && header.Generation > newest && header.Generation <= uint.MaxValue)
            {
                newest = (uint)header.Generation;
            }
        }

        // A newer half that is damaged is not passed over for an older one: that would be going back in time without a
        // word.
        return newest == 0
            ? throw ArenaDamagedException.Journal(where, 0, 0,
                "the active word does not check, and no half has a header that does")
            : Read(layout.Half(newest), newest, layout.Superblock.ArenaId, layout.LogCapacity, where);
    }
}
