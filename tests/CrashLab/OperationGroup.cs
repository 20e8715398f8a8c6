namespace GuestMemFs.CrashLab;

/// <summary>Operations within one group: what the labs of all collections do alike.</summary>
internal static class OperationGroup
{
    public static string Name(bool commit, IEnumerable<string> operations) =>
        $"group [{string.Join(", ", operations)}] {(commit ? "commit" : "back")}";

    public static void Run(PersistentHeap heap, bool commit, Action operations)
    {
        using AtomicGroup group = heap.BeginAtomic();
        operations();
        if (commit)
        {
            group.Commit();
        }
    }
}
