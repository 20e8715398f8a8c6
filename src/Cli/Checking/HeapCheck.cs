using GuestMemFs.Cli.Infrastructure;
using GuestMemFs.Collections;

namespace GuestMemFs.Cli.Checking;

/// <summary>Every block of a heap that stands still.</summary>
internal static class HeapCheck
{
    public static IEnumerable<Finding> Findings(PersistentHeap heap, string region)
    {
        int inFlight = heap.CountInFlight();
        if (inFlight > 0)
        {
            // Half a change is what a killed writer leaves, and not damage: the heap is judged after its recovery.
            return [Finding.Note(Finding.InFlight, region, $"{inFlight} changes were in flight when its writer was killed. The next writer finishes or undoes them when it opens the heap; the blocks were not walked.")];
        }

        return HeapVerifier.Verify(heap).Select(problem => Finding.Error(ReasonCodes.HeapDamaged, region, problem + "."));
    }
}
