// A list, a tree and a graph of one's own structs. Kill it with SIGKILL whenever you like: what was printed is there.
//
//   dotnet run -c Release --project samples/Objects -- /dev/shm/objects
//   push 5 | pop | list      add 5 | remove 5 | tree      join 1 2 | leave 1 | reach 1
using System.Globalization;
using GuestMemFs;
using Objects;

using PersistentArena arena = PersistentArena.OpenOrCreate(new ArenaOptions { Directory = args[0] });
PersistentHeap heap = PersistentHeap.Open(arena.OpenOrCreateRegion(
    "heap", 64 << 20, new RegionOptions { Kind = RegionKind.Heap, Reserve = RegionReserve.OnDemand }));
var list = new LinkedStack(heap, "list");
var tree = new SearchTree(heap, "tree");
var graph = new Graph(heap, "graph");

Console.WriteLine(arena.AttachReport.Kind);
while (Console.ReadLine() is { Length: > 0 } line)
{
    string[] words = line.Split(' ');
    long[] numbers = [.. words[1..].Select(word => long.Parse(word, CultureInfo.InvariantCulture))];
    Console.WriteLine((words[0], numbers) switch
    {
        ("push", [long number]) => list.Push(number),
        ("pop", []) => list.Pop()?.ToString(CultureInfo.InvariantCulture) ?? "empty",
        ("list", []) => string.Join(' ', list),
        ("add", [long key]) => tree.Add(key) ? "added" : "there already",
        ("remove", [long key]) => tree.Remove(key) ? "removed" : "not there",
        ("tree", []) => string.Join(' ', tree),
        ("join", [long one, long other]) => graph.Join(one, other),
        ("leave", [long vertex]) => graph.Leave(vertex) ? "left" : "not there",
        ("reach", [long vertex]) => string.Join(' ', graph.Reach(vertex).Order()),
        _ => "unknown",
    });
}
