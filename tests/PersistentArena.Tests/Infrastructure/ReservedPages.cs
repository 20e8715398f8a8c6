using System.Globalization;

namespace GuestMemFs.Tests.Infrastructure;

/// <summary>
/// Huge pages added to the machine's pool for the length of a test. Other test processes do the same: the pool is
/// changed under a file lock.
/// </summary>
internal sealed class ReservedPages : IDisposable
{
    private const int Attempts = 4;
    private static readonly TimeSpan Patience = TimeSpan.FromSeconds(2);

    private readonly string _pool;
    private readonly long _count;

    private ReservedPages(string pool, long count)
    {
        _pool = pool;
        _count = count;
    }

    /// <summary>Adds pages to the pool; null where the kernel does not find them all (or we may not ask).</summary>
    public static ReservedPages? TryTake(int pageKilobytes, int count)
    {
        string pool = string.Create(CultureInfo.InvariantCulture,
            $"/sys/kernel/mm/hugepages/hugepages-{pageKilobytes}kB/nr_hugepages");
        if (!Environment.IsPrivilegedProcess || !File.Exists(pool))
        {
            return null;
        }

        // Counted by what is free then: pages that were given back while they were in use become the pool's again
        // first, and nobody can have them.
        long goal = Free(pool) + count;
        long got = Change(pool, count);
        for (int attempt = 0; Free(pool) < goal && attempt < Attempts; attempt++)
        {
            if (got < count)
            {
                // Memory in small pieces, after other tests: ask the kernel to drop what it can read again, and to put
                // the rest together.
                File.WriteAllText("/proc/sys/vm/drop_caches", attempt == 0 ? "1" : "3");
                File.WriteAllText("/proc/sys/vm/compact_memory", "1");
            }

            got += Change(pool, goal - Free(pool));
        }

        if (Free(pool) >= goal)
        {
            return new ReservedPages(pool, got);
        }

        Change(pool, -got);
        return null;
    }

    /// <summary>Held from taking pages until a mount has them, and from an unmount until they are given back: in
    /// between they are free for anybody, and who gives his own back while they are still in use gives back
    /// these.</summary>
    public static Lock Turn { get; } = new();

    public void Dispose()
    {
        // A mount goes with its last mapping, and the pages with it: a moment after the unmount.
        SpinWait.SpinUntil(() => Free(_pool) >= _count, Patience);
        Change(_pool, -_count);
    }

    private static long Change(string pool, long by)
    {
        using FileStream turn = WaitForTurn();
        long before = Read(pool);
        File.WriteAllText(pool, (before + by).ToString(CultureInfo.InvariantCulture));
        return Read(pool) - before;
    }

    // Without the surplus: pages that somebody gave back while they were still in use, and that go when they are free.
    private static long Read(string pool) => Number(pool) - Number(Sibling(pool, "surplus_hugepages"));

    // Without those that a mount was promised.
    private static long Free(string pool) =>
        Number(Sibling(pool, "free_hugepages")) - Number(Sibling(pool, "resv_hugepages"));

    private static string Sibling(string pool, string name) => Path.Combine(Path.GetDirectoryName(pool)!, name);

    private static long Number(string file) => long.Parse(File.ReadAllText(file), CultureInfo.InvariantCulture);

    private static FileStream WaitForTurn()
    {
        string path = Path.Combine(Path.GetTempPath(), "guestmemfs-test-hugepages.lock");
        while (true)
        {
            try
            {
                return new FileStream(path, FileMode.OpenOrCreate, FileAccess.ReadWrite, FileShare.None);
            }
            catch (IOException)
            {
                Thread.Sleep(20); // Another test process changes the pool just now.
            }
        }
    }
}
