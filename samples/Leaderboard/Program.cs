// A leaderboard: who has how many points, and which rank. A sorted map is in the order of points, a dictionary knows
// each player's; a group keeps the two together over SIGKILL.
//
//   dotnet run -c Release --project samples/Leaderboard -- /dev/shm/board
//   win ada 30
//   rank ada
//   top 10
using System.Globalization;
using GuestMemFs;

using PersistentArena arena = PersistentArena.OpenOrCreate(new ArenaOptions { Directory = args[0] });
PersistentRegion memory = arena.OpenOrCreateRegion(
    "heap", 64 << 20, new RegionOptions { Kind = RegionKind.Heap, Reserve = RegionReserve.OnDemand });
PersistentHeap heap = PersistentHeap.Open(memory);
PersistentDictionary<string, long> points = heap.OpenOrCreateDictionary<string, long>("points");
PersistentSortedMap<(long Points, string Player), bool> board = heap.OpenOrCreateSortedMap("board",
    new PersistentMapOptions<(long Points, string Player), bool>
    {
        KeySerializer = PersistentSerializers.Pair(
            PersistentSerializers.Default<long>(), PersistentSerializers.Default<string>()),
    });

Console.WriteLine($"{points.Count} players");
while (Console.ReadLine() is { Length: > 0 } line)
{
    Console.WriteLine(line.Split(' ') switch
    {
        ["win", var player, var more] => Win(player, long.Parse(more, CultureInfo.InvariantCulture)),
        ["rank", var player] => Rank(player),
        ["top", var count] => Top(int.Parse(count, CultureInfo.InvariantCulture)),
        _ => "win PLAYER POINTS, rank PLAYER, top COUNT",
    });
}

string Win(string player, long more)
{
    using AtomicGroup both = heap.BeginAtomic();
    points.TryGetValue(player, out long before);
    board.Remove((-before, player));
    board.Set((-before - more, player), true); // the most points first
    points.Set(player, before + more);
    both.Commit();
    return $"{before + more} points";
}

// In O(log n), however many players there are.
string Rank(string player) => points.TryGetValue(player, out long its)
    ? $"{board.Rank((-its, player)) + 1} of {board.Count}"
    : "nobody";

string Top(int count) =>
    string.Join(", ", board.Take(count).Select(entry => $"{entry.Key.Player} {-entry.Key.Points}"));
