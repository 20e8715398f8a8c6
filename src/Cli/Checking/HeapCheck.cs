using GuestMemFs.Cli.Infrastructure;
using GuestMemFs.Collections;
using GuestMemFs.Heap;

namespace GuestMemFs.Cli.Checking;

/// <summary>Every block of a heap that stands still.</summary>
internal static unsafe class HeapCheck
{
    public static IEnumerable<Finding> Findings(PersistentHeap heap, string region)
    {
        int inFlight = InFlight(heap);
        if (inFlight > 0)
        {
            // Half a change is what a killed writer leaves, and not damage: the heap is judged after its recovery.
            return [Finding.Note(Finding.InFlight, region, $"{inFlight} changes were in flight when its writer was killed. The next writer finishes or undoes them when it opens the heap; the blocks were not walked.")];
        }

        return HeapVerifier.Verify(heap).Select(problem => Finding.Error(ReasonCodes.HeapDamaged, region, problem + "."));
    }

    private static int InFlight(PersistentHeap heap)
    {
        int count = 0;
        foreach (Lane lane in heap.Lanes)
        {
            count += lane.Words[IntentWord.Operation] != 0 || GroupLog.StateOf(lane) != GroupLog.Idle ? 1 : 0;
        }

        return count;
    }
}
