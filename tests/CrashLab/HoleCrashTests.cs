using System.Text;
using GuestMemFs.Collections;
using GuestMemFs.Heap;
using static GuestMemFs.CrashLab.DictionaryOperation;

namespace GuestMemFs.CrashLab;

/// <summary>
/// Crash after every store of taking a piece of a free run that has a hole, on a medium that is full: from within the
/// run, and up to its end.
/// </summary>
public sealed class HoleCrashTests
{
    [Fact]
    public void Every_store_of_taking_a_piece_of_a_run_with_a_hole() => Explore("runs with holes");

    internal static void Explore(string part)
    {
        using DictionaryLab lab = new(4 << 20, part) { Reorder = new Random(11) };
        long hole = Begin(lab);
        var start = lab.Save();
        foreach (int length in new[] { 140_000, 300_000, 550_000 }) // 3, 5, and all of the 9 pages behind the hole
        {
            lab.Restore(start, "a run with a hole");
            lab.Explore(Set("taken", new string('t', length)));
            Assert.Equal(hole + 1, PageOf(lab.World, "taken"));
            lab.Explore(Remove("taken"));
            lab.Explore(Group(commit: false,
                Set("taken", new string('u', length)), Set("n", "so that there is no log")));
        }
    }

    /// <summary>A free run of eleven pages, the second of which is a hole, and nothing else for large values.</summary>
    private static long Begin(DictionaryLab lab)
    {
        lab.Do(Group(commit: true, Set("n", "so that there is a log")));
        lab.Do(Set("freed", new string('f', 700_000)));
        lab.Do(Set("behind", new string('b', 140_000)));
        long hole = PageOf(lab.World, "freed") + 1;
        lab.Do(Remove("freed"));
        lab.Holes.Pages.Add(hole);
        int frontier = (int)(lab.World.Core.Heap.Blocks.FrontierBytes >> HeapFormat.PageShift);
        lab.Holes.Pages.UnionWith(Enumerable.Range(frontier, 64).Select(it => (long)it));
        return hole;
    }

    private static unsafe long PageOf(PersistentDictionary dictionary, string key)
    {
        IHeapSpace space = dictionary.Core.Heap.Space;
        return HeapBlocks.Find(space).Keys.Single(block =>
            *(ulong*)(space.Base + block) is var header && RecordFormat.IsRecord(header)
                && Encoding.UTF8.GetString(RecordFormat.Key(space.Base + block, header)) == key)
            >> HeapFormat.PageShift;
    }
}
