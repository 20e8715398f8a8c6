using System.Diagnostics;
using System.Threading.Channels;

namespace GuestMemFs.PackageTests.Infrastructure;

/// <summary>A program that runs beside the test, its lines readable as they come.</summary>
internal sealed class RunningProgram : IDisposable
{
    private static readonly TimeSpan s_limit = TimeSpan.FromMinutes(1);

    private readonly Channel<string> _lines = Channel.CreateUnbounded<string>();
    private readonly List<string> _all = [];
    private readonly Process _process;

    public RunningProgram(string program, params string[] arguments)
    {
        _process = Process.Start(Dotnet.Start(program, Path.GetDirectoryName(program)!, arguments))!;
        _process.OutputDataReceived += (_, e) => Add(e.Data);
        _process.ErrorDataReceived += (_, e) => Add(e.Data);
        _process.BeginOutputReadLine();
        _process.BeginErrorReadLine();
    }

    public string Output
    {
        get
        {
            lock (_all)
            {
                return string.Join('\n', _all);
            }
        }
    }

    /// <summary>The next line that fits; fails the test where none comes.</summary>
    public async Task<string> Line(Func<string, bool> fits)
    {
        using var limit = new CancellationTokenSource(s_limit);
        try
        {
            while (true)
            {
                string line = await _lines.Reader.ReadAsync(limit.Token);
                if (fits(line))
                {
                    return line;
                }
            }
        }
        catch (OperationCanceledException e)
        {
            throw new TimeoutException($"No such line in {s_limit}. The program wrote:\n{Output}", e);
        }
    }

    /// <summary>SIGKILL, and its end.</summary>
    public void Kill()
    {
        Assert.False(_process.HasExited, $"It ended by itself. The program wrote:\n{Output}");
        _process.Kill();
        _process.WaitForExit(); // the streams' ends included
        Assert.Equal(128 + 9, _process.ExitCode);
    }

    /// <summary>Waits for its end and gives the exit code.</summary>
    public async Task<int> End()
    {
        using var limit = new CancellationTokenSource(s_limit);
        await _process.WaitForExitAsync(limit.Token);
        return _process.ExitCode;
    }

    public void Dispose()
    {
        if (!_process.HasExited)
        {
            _process.Kill();
            _process.WaitForExit();
        }

        _process.Dispose();
    }

    private void Add(string? line)
    {
        if (line is not null)
        {
            lock (_all)
            {
                _all.Add(line);
            }

            _lines.Writer.TryWrite(line);
        }
    }
}
