// Jobs that outlive the process that does them: enqueue some, take one, kill the process before it says that the job is
// done, start it again, and the job comes back when its lease has passed.
//
//   dotnet run -c Release --project samples/JobQueue -- /dev/shm/jobs 5
//   add 0 mail alice
//   take
//   done
using System.Globalization;
using GuestMemFs;

TimeSpan lease = TimeSpan.FromSeconds(args.Length > 1 ? double.Parse(args[1], CultureInfo.InvariantCulture) : 30);
using PersistentArena arena = PersistentArena.OpenOrCreate(new ArenaOptions { Directory = args[0] });
PersistentRegion memory = arena.OpenOrCreateRegion(
    "heap", 64 << 20, new RegionOptions { Kind = RegionKind.Heap, Reserve = RegionReserve.OnDemand });
PersistentHeap heap = PersistentHeap.Open(memory);
PersistentPriorityQueue<string> jobs = heap.OpenOrCreatePriorityQueue<string>("jobs");
PersistentList<string> finished = heap.OpenOrCreateList<string>("finished");
QueueLease<string>? taken = null;

Console.WriteLine($"{jobs.Count} waiting, {jobs.LeasedCount} taken, {finished.Count} done");
while (Console.ReadLine() is { Length: > 0 } line)
{
    Console.WriteLine(line.Split(' ', 3) switch
    {
        ["add", var seconds, var job] => Add(double.Parse(seconds, CultureInfo.InvariantCulture), job),
        ["take"] => Take(),
        ["done"] => Done(),
        ["later"] => taken is { } held && jobs.Return(held, Milliseconds(5)) ? "in 5 seconds" : "it is not yours",
        ["list"] => string.Join(", ", jobs.Select(entry => entry.Value)),
        _ => "add SECONDS JOB, take, done, later, list",
    });
}

string Add(double seconds, string job)
{
    jobs.Enqueue(Milliseconds(seconds), job); // when this returns the job is safe
    return $"due in {seconds} s";
}

string Take()
{
    if (!jobs.TryLeaseDue(lease, out QueueLease<string> job))
    {
        return "nothing is due";
    }

    taken = job;
    return $"{job.Value} ({job.Bytes.Entry.Deliveries})";
}

// The job is gone and noted, or neither: a crash between the two does not come about.
string Done()
{
    using AtomicGroup both = heap.BeginAtomic();
    if (taken is not { } job || !jobs.Complete(job))
    {
        return "it is not yours"; // the lease has passed, and another one may have it
    }

    finished.AddLast(job.Value);
    both.Commit();
    taken = null;
    return $"done {finished.Count}";
}

static long Milliseconds(double seconds) => DateTimeOffset.UtcNow.AddSeconds(seconds).ToUnixTimeMilliseconds();
