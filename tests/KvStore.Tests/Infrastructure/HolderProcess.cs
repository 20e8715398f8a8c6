using System.Diagnostics;
using System.Text;
using GuestMemFs;
using GuestMemFs.Holding;

namespace KvStore.Tests.Infrastructure;

/// <summary><c>gmfs hold</c> as a process of its own.</summary>
internal sealed class HolderProcess : IDisposable
{
    private static readonly TimeSpan s_limit = Patience.Limit;
    private readonly Process _process;
    private readonly string _socket;
    private readonly StringBuilder _output = new();

    /// <summary>Starts it, and waits until it holds.</summary>
    public HolderProcess(string socket)
    {
        _socket = socket;
        _process = new Process
        {
            StartInfo = new ProcessStartInfo("dotnet", [Path.Combine(AppContext.BaseDirectory, "gmfs.dll"), "hold",
                "--socket", socket]) { RedirectStandardOutput = true, RedirectStandardError = true },
        };
        _process.OutputDataReceived += (_, line) => Keep(line.Data);
        _process.ErrorDataReceived += (_, line) => Keep(line.Data);
        _process.Start();
        _process.BeginOutputReadLine();
        _process.BeginErrorReadLine();
        Until(() => Output.Contains("holding at", StringComparison.Ordinal));
    }

    public int Id => _process.Id;

    public string Output
    {
        get
        {
            lock (_output)
            {
                return _output.ToString();
            }
        }
    }

    /// <summary>
    /// Waits until it says that it has so many files of an arena; that they are among its descriptors is not enough.
    /// </summary>
    public void WaitUntilItHolds(string arena, int files) => Until(() =>
    {
        using DescriptorHolder asked = Holders.Open(_socket, arena);
        IReadOnlyList<HeldDescriptor> held = asked.Take();
        foreach (HeldDescriptor one in held)
        {
            one.Descriptor.Dispose();
        }

        return held.Count == files;
    });

    public void Kill()
    {
        _process.Kill();
        _process.WaitForExit();
    }

    public int WaitForExit()
    {
        Assert.True(_process.WaitForExit(s_limit), "the holder did not end");
        _process.WaitForExit(); // what it wrote last is kept too
        return _process.ExitCode;
    }

    public void Dispose()
    {
        if (!_process.HasExited)
        {
            Kill();
        }

        _process.Dispose();
    }

    private void Keep(string? line)
    {
        lock (_output)
        {
            _output.AppendLine(line);
        }
    }

    private void Until(Func<bool> condition)
    {
        long since = Stopwatch.GetTimestamp();
        while (!condition())
        {
            if (_process.HasExited)
            {
                _process.WaitForExit(); // what it wrote last is kept too
                Assert.True(condition(), $"it ended and did not come to that: {Output}");
                return;
            }

            Assert.True(Stopwatch.GetElapsedTime(since) < s_limit, $"it did not come to that: {Output}");
            Thread.Sleep(20);
        }
    }
}
