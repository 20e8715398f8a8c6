// Counts what it reads, and its own starts. Kill it with SIGKILL whenever you like: a number that was printed is safe.
//
//   dotnet run -c Release --project samples/Counter -- /dev/shm/counter
using System.Text;
using GuestMemFs;

using PersistentArena arena = PersistentArena.OpenOrCreate(new ArenaOptions { Directory = args[0] });
PersistentRegion memory = arena.OpenOrCreateRegion(
    "heap", 64 << 20, new RegionOptions { Kind = RegionKind.Heap, Reserve = RegionReserve.OnDemand });
PersistentDictionary counters = PersistentDictionary.OpenOrCreate(PersistentHeap.Open(memory), "counters");

Console.WriteLine($"start {counters.Increment("starts"u8)}, {arena.AttachReport.Kind}");
while (Console.ReadLine() is { Length: > 0 } name)
{
    Console.WriteLine($"{name} {counters.Increment(Encoding.UTF8.GetBytes(name))}");
}
