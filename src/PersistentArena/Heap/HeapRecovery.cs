using GuestMemFs.Format;

namespace GuestMemFs.Heap;

/// <summary>
/// What an attach does about changes in flight: one look at each lane. Each step may be repeated, so a recovery that is
/// killed is simply done again.
/// </summary>
/// <param name="space">The heap's memory.</param>
/// <param name="eraser">Where the heap erases.</param>
internal readonly unsafe struct HeapRecovery(IHeapSpace space, BlockEraser? eraser)
{
    private readonly byte* _base = space.Base;
    private readonly long _length = space.Length;
    private readonly string _name = space.Name;

    /// <summary>Finishes or undoes the change of a lane.</summary>
    public LaneOutcome Resolve(Lane lane)
    {
        ulong* words = lane.Words;
        ulong operation = words[IntentWord.Operation];
        if (operation == 0)
        {
            return LaneOutcome.Idle;
        }

        int more = (int)(operation >> IntentWord.MoreNewShift) & 0xFF;
        int moreOld = (int)((uint)operation >> IntentWord.MoreOldShift);
        if (!Guard.Holds(operation == IntentWord.Seal(words)) || (operation & 0xFF) != IntentWord.Active
            || more > IntentWord.MoreNewCount || moreOld > IntentWord.MoreOldCount)
        {
            throw new HeapDamagedException(_name, (byte*)words - _base,
                $"the intent of lane {lane.Index} does not check");
        }

        bool happened = *Word(words[IntentWord.Slot]) == words[IntentWord.Value];
        if (happened)
        {
            FinishLate(words, operation);
        }
        else
        {
            Free(words[IntentWord.New]);
            for (int i = 0; i < more; i++)
            {
                Free(words[IntentWord.MoreNew + i]);
            }
        }

        new HeapRoots(space).Forget((long)words[IntentWord.Slot]);

        Persist.Publish(words + IntentWord.Operation, 0);
        return happened ? LaneOutcome.Finished : LaneOutcome.Undone;
    }

    /// <summary>Frees a block, whatever it was.</summary>
    public void Free(ulong block)
    {
        if (block != 0)
        {
            ulong* header = Word(block);
            eraser?.EraseHeld((long)block);
            Persist.Publish(header, BlockHeader.Free);
        }
    }

    /// <summary>Frees the replaced records of a committed group.</summary>
    public void FreeReplaced(Lane lane)
    {
        GroupLog log = GroupLog.Open(space, lane);
        for (int i = log.Count - 1; i >= 0; i--)
        {
            log.Entry(i); // all of them, before the first is freed
        }

        for (int i = log.Count - 1; i >= 0; i--)
        {
            Free((ulong)(log.Entry(i)?.FreedByCommit ?? 0));
        }
    }

    private void FinishLate(ulong* words, ulong operation)
    {
        if ((operation & IntentWord.HasCounters) != 0)
        {
            ulong* counters = Word(words[IntentWord.Counters], 3);
            Persist.Publish(counters, words[IntentWord.Keys]);
            Persist.Publish(counters + 1, words[IntentWord.Bytes]);
            Persist.Publish(counters + 2, words[IntentWord.Expiring]);
        }

        if ((operation & IntentWord.HasSecondSlot) != 0)
        {
            Persist.Publish(Word(words[IntentWord.SecondSlot]), words[IntentWord.SecondValue]);
        }

        Free(words[IntentWord.Old]);
        for (int i = 0; i < (int)((uint)operation >> IntentWord.MoreOldShift); i++)
        {
            Free(words[IntentWord.MoreOld + i]);
        }
    }

    // The last block of a heap may be its last 16 bytes.
    private ulong* Word(ulong offset, int words = 1) =>
        Guard.Holds((offset & 7) == 0 && offset != 0 && offset <= (ulong)_length - ((ulong)words * sizeof(ulong)))
            ? (ulong*)(_base + offset)
            : throw new HeapDamagedException(_name, (long)offset, "an intent names a word outside the heap");
}

internal enum LaneOutcome
{
    Idle,
    Finished,
    Undone,
}
