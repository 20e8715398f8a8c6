using System.Globalization;

namespace GuestMemFs.Tests.Infrastructure;

/// <summary>Huge pages added to the machine's pool for the length of a test. Other test processes do the same: the pool is changed under a file lock.</summary>
internal sealed class ReservedPages : IDisposable
{
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
        string pool = string.Create(CultureInfo.InvariantCulture, $"/sys/kernel/mm/hugepages/hugepages-{pageKilobytes}kB/nr_hugepages");
        if (!Environment.IsPrivilegedProcess || !File.Exists(pool))
        {
            return null;
        }

        long got = Change(pool, count);
        if (got == count)
        {
            return new ReservedPages(pool, count);
        }

        // Memory in small pieces, after other tests: ask the kernel to put it together, once.
        Change(pool, -got);
        File.WriteAllText("/proc/sys/vm/compact_memory", "1");
        got = Change(pool, count);
        if (got == count)
        {
            return new ReservedPages(pool, count);
        }

        Change(pool, -got);
        return null;
    }

    public void Dispose() => Change(_pool, -_count);

    private static long Change(string pool, long by)
    {
        using FileStream turn = WaitForTurn();
        long before = Read(pool);
        File.WriteAllText(pool, (before + by).ToString(CultureInfo.InvariantCulture));
        return Read(pool) - before;
    }

    // Without the surplus: pages that somebody gave back while they were still in use, and that go when they are free.
    private static long Read(string pool) => Number(pool) - Number(pool.Replace("nr_hugepages", "surplus_hugepages", StringComparison.Ordinal));

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
