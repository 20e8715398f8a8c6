using GuestMemFs.Format;
using GuestMemFs.Heap;

namespace GuestMemFs.Collections;

/// <summary>Frees what a deleted dictionary holds: its table becomes garbage, which is taken apart.</summary>
internal sealed unsafe class DictionaryEmptying : IEmptying
{
    private readonly DictionaryState _state;
    private readonly TableGarbage _garbage;

    public DictionaryEmptying(PersistentHeap heap, long root)
    {
        _state = new DictionaryState(heap, "", TimeProvider.System, root);
        _garbage = new TableGarbage(_state);
        Check(_state.GarbageWord);
        Check(_state.CurrentWord);
    }

    public bool Step(Lane lane, int steps)
    {
        if (!_garbage.Collect(lane, steps))
        {
            return false;
        }

        if (*_state.CurrentWord == 0)
        {
            return true;
        }

        GiveUpTable(lane);
        return _garbage.Collect(lane, steps);
    }

    private void GiveUpTable(Lane lane)
    {
        long place = _state.OffsetOf(_state.GarbageWord);
        Intent intent = new()
        {
            Slot = _state.OffsetOf(_state.CurrentWord),
            Value = 0,
            SecondSlot = place,
            SecondValue = SealedOffset.Seal(SealedOffset.Get(*_state.CurrentWord), place),
        };
        lane.Begin(intent);
        Persist.Publish(_state.CurrentWord, 0); // COMMIT POINT: table given up
        lane.Finish(intent);
    }

    // It is freed: it must be what it should be.
    private void Check(ulong* word)
    {
        if (*word != 0)
        {
            TableCheck.Run(_state.Heap.Space, _state.OffsetOf(word), whole: false);
            TableCheck.Segments(_state.Heap.Space, new Table(_state.At(0), SealedOffset.Get(*word)));
        }
    }
}
