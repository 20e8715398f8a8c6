using System.Runtime.CompilerServices;
using GuestMemFs.Heap;

namespace GuestMemFs.Collections;

/// <summary>
/// Reads of a sorted map: one look after the other until one holds. After many that did not, the reader takes the gate,
/// so that it comes to an end.
/// </summary>
internal sealed class SortedMapReader(TreeMemory memory, WriterGate gate, TimeProvider time)
{
    /// <summary>Looks before a reader keeps writers out.</summary>
    private const int MaximumLooks = 1000;

    private readonly TreeReader _reader = new(memory, time);
    private readonly TreeRanks _ranks = new(memory);

    /// <summary>True where somebody met an empty leaf at an end, until a writer has seen to it.</summary>
    public bool MetEmptyLeaf { get; set; }

    /// <summary>The number of records.</summary>
    public unsafe long Count
    {
        get
        {
            long count = (long)Volatile.Read(ref memory.Root.Counters[0]);
            memory.ThrowIfGone();
            return count;
        }
    }

    public bool TryRead<TReader>(ReadOnlySpan<byte> key, ref TReader reader)
        where TReader : struct, IRecordReader, allows ref struct
    {
        for (int looks = 0; looks < MaximumLooks; looks++)
        {
            if (_reader.TryLook(key, ref reader, out bool exists))
            {
                memory.ThrowIfGone();
                return exists;
            }
        }

        return ReadLocked(key, ref reader);
    }

    /// <summary>
    /// Reads the record with the lowest key, or with the highest one, where it lies; false where there is none.
    /// </summary>
    public bool TryReadEnd<TReader>(bool last, ref TReader reader)
        where TReader : struct, IRecordReader, allows ref struct
    {
        EndLook look;
        int looks = 0;
        do
        {
            look = ++looks < MaximumLooks ? _reader.TryLookAtEnd(last, ref reader) : EndLook.LeafIsEmpty;
        }
        while (look == EndLook.Changed);
        memory.ThrowIfGone();
        return look == EndLook.Seen || (look == EndLook.LeafIsEmpty && TryReadBesideEmpty(last, ref reader));
    }

    /// <summary>Fills a batch with what comes next in its direction; nothing where it has ended.</summary>
    public void Fill(SortedBatch batch)
    {
        do
        {
            batch.Clear();
            int looks = 0;
            while (!_reader.TryFill(batch))
            {
                if (++looks == MaximumLooks)
                {
                    FillLocked(batch);
                    break;
                }
            }
        }
        while (batch.Count == 0 && !batch.IsEnded);
        memory.ThrowIfGone();
    }

    /// <summary>How many keys are below one.</summary>
    public long Rank(ReadOnlySpan<byte> key)
    {
        for (int looks = 1; ; looks++)
        {
            if (_ranks.Rank(key, out long rank) is var look && IsEnough(look, looks))
            {
                memory.ThrowIfGone();
                return rank;
            }

            if (looks == MaximumLooks && memory.Heap.Space.IsWritable)
            {
                return RankLocked(key);
            }
        }
    }

    /// <summary>Copies the entry with so many keys below it; an empty batch where there are fewer.</summary>
    public SortedBatch Select(long rank)
    {
        SortedBatch batch = new(start: null, includesStart: true, end: null, descends: false, limit: 1);
        for (int looks = 1; !IsEnough(_ranks.Select(rank, batch), looks); looks++)
        {
            batch.Clear();
            if (looks == MaximumLooks && memory.Heap.Space.IsWritable)
            {
                SelectLocked(rank, batch);
                break;
            }
        }

        memory.ThrowIfGone();
        return batch;
    }

    // While a group is open, leaves may be empty. The entry may go between the two looks.
    private bool TryReadBesideEmpty<TReader>(bool last, ref TReader reader)
        where TReader : struct, IRecordReader, allows ref struct
    {
        MetEmptyLeaf = true;
        while (true)
        {
            SortedBatch batch = new(last ? null : [], includesStart: true, null, last, limit: 1);
            Fill(batch);
            if (batch.Count == 0)
            {
                return false;
            }

            if (TryRead(batch.Key(0), ref reader))
            {
                return true;
            }
        }
    }

    // In a process that only reads no lock keeps the writer out, and one that died in a change has left an odd number.
    private bool IsEnough(TotalsLook look, int looks) =>
        look == TotalsLook.Exact
            || (look == TotalsLook.Rough && looks >= MaximumLooks && !memory.Heap.Space.IsWritable);

    [MethodImpl(MethodImplOptions.NoInlining)]
    private bool ReadLocked<TReader>(ReadOnlySpan<byte> key, ref TReader reader)
        where TReader : struct, IRecordReader, allows ref struct
    {
        gate.Enter();
        try
        {
            bool exists;
            SpinWait spin = default;
            while (!_reader.TryLook(key, ref reader, out exists))
            {
                spin.SpinOnce(); // a writer in another process takes no lock of this one
            }

            return exists;
        }
        finally
        {
            gate.Leave();
        }
    }

    private void FillLocked(SortedBatch batch)
    {
        gate.Enter();
        try
        {
            SpinWait spin = default;
            while (!_reader.TryFill(batch))
            {
                spin.SpinOnce();
            }
        }
        finally
        {
            gate.Leave();
        }
    }

    private long RankLocked(ReadOnlySpan<byte> key)
    {
        gate.Enter();
        try
        {
            return _ranks.Rank(key, out long rank) == TotalsLook.Exact ? rank : throw TotalsChange();
        }
        finally
        {
            gate.Leave();
        }
    }

    private void SelectLocked(long rank, SortedBatch batch)
    {
        gate.Enter();
        try
        {
            if (_ranks.Select(rank, batch) != TotalsLook.Exact)
            {
                throw TotalsChange();
            }
        }
        finally
        {
            gate.Leave();
        }
    }

    private HeapDamagedException TotalsChange() =>
        memory.Damaged(memory.Root.Offset, "totals change without a writer");
}
