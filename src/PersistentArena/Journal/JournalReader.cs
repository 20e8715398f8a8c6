using System.Runtime.CompilerServices;
using System.Runtime.InteropServices;
using GuestMemFs.Format;

namespace GuestMemFs.Journal;

/// <summary>
/// Reads the records of a journal's log. Knows bytes only; who wrote them and when is its caller's business.
/// </summary>
internal static class JournalReader
{
    /// <summary>About what a region and its extent take of the log: a guess, to size tables with.</summary>
    private const int BytesPerRegion = 200;

    /// <summary>Applies every record of a log.</summary>
    /// <param name="log">The log up to its tail.</param>
    /// <param name="seed">What the records are sealed with.</param>
    /// <param name="tables">Filled.</param>
    /// <param name="sequence">The last record's number, 0 where there is none.</param>
    /// <returns>The offset of the first record that does not check, or the log's length.</returns>
    public static int Replay(ReadOnlySpan<byte> log, uint seed, MetadataTables tables, out ulong sequence)
    {
        sequence = 0;
        int at = 0;
        tables.Expect(log.Length / BytesPerRegion);
        while (at < log.Length)
        {
            if (!TryRecord(log[at..], seed, out RecordHeader header)
                || (sequence != 0 && header.Sequence != sequence + 1)
                || !tables.Apply(log.Slice(at + RecordHeader.Bytes, (int)header.Length - RecordHeader.Bytes)))
            {
                return at;
            }

            sequence = header.Sequence;
            at += (int)header.Length;
        }

        return at;
    }

    /// <summary>
    /// Follows whole records in successive order from the start: how long the log is, where its tail word is not to be
    /// believed.
    /// </summary>
    public static int Follow(ReadOnlySpan<byte> half, uint seed)
    {
        int at = 0;
        ulong sequence = 0;
        while (at < half.Length && TryRecord(half[at..], seed, out RecordHeader header)
            && (sequence == 0 || header.Sequence == sequence + 1))
        {
            sequence = header.Sequence;
            at += (int)header.Length;
        }

        return at;
    }

    private static bool TryRecord(ReadOnlySpan<byte> from, uint seed, out RecordHeader header) =>
        Structs.TryRead(from, out header) && header.Length >= RecordHeader.Bytes && header.Length <= from.Length
            && header.Length % 8 == 0
        && header.Sequence is not 0 and <= EntryRules.MaximumId
        && header.Crc == RecordHeader.ComputeCrc(from[..(int)header.Length], seed);
}
