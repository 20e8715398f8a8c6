using System.ComponentModel;
using System.Diagnostics;
using System.Text;

namespace GuestMemFs.Dumps;

/// <summary>
/// A run of a command: its words as they are, no shell, its time bounded, and its complaints kept up to a length.
/// </summary>
/// <remarks>Where it is ended, so are its children, as long as it is their parent. It outlives a kill of this process:
/// its input then ends.</remarks>
internal sealed class CommandRun : IDisposable
{
    private const int MostSaid = 1000;
    private static readonly TimeSpan s_afterEnd = TimeSpan.FromSeconds(2);

    private readonly string _program;
    private readonly TimeSpan _timeout;
    private readonly CancellationToken _cancelled;
    private readonly CancellationTokenSource _ends;
    private readonly Process _process;
    private readonly Task<string> _said;

    /// <summary>Starts it.</summary>
    /// <exception cref="BackupCommandException">It cannot be.</exception>
    /// <exception cref="UntrustedOwnerException">Another user could have written the program.</exception>
    public CommandRun(IReadOnlyList<string> words, TimeSpan timeout, CancellationToken cancellationToken)
    {
        _program = words[0];
        _timeout = timeout;
        _cancelled = cancellationToken;
        _process = Start(words);
        _ends = CancellationTokenSource.CreateLinkedTokenSource(cancellationToken);
        _ends.CancelAfter(timeout);
        _said = Task.Run(() => ReadSaid(_process.StandardError.BaseStream), CancellationToken.None);
    }

    /// <summary>Gives it all bytes of a stream, and waits for its good end.</summary>
    /// <exception cref="BackupCommandException">It failed, did not read all, or took too long.</exception>
    public void Feed(Stream from)
    {
        bool tookAll = true;
        Stream to = _process.StandardInput.BaseStream;
        Task drained = InBackground(() => _process.StandardOutput.BaseStream.CopyTo(Stream.Null));
        Wait(InBackground(() =>
        {
            byte[] buffer = new byte[DumpHeader.BlockBytes];
            for (int count; tookAll && (count = from.Read(buffer)) > 0;)
            {
                tookAll = TryWrite(to, buffer.AsSpan(0, count));
            }

            tookAll &= TryClose(to);
        }));
        Wait(drained);
        WaitForGoodEnd();
        if (!tookAll)
        {
            throw Failed("ended well, but did not read the whole copy.");
        }
    }

    /// <summary>Hands its output to a reader, and waits for its good end.</summary>
    /// <exception cref="BackupCommandException">It failed, or took too long.</exception>
    public void Drain(Action<Stream> read)
    {
        TryClose(_process.StandardInput.BaseStream);
        Wait(InBackground(() =>
        {
            Stream output = _process.StandardOutput.BaseStream;
            read(output);
            output.CopyTo(Stream.Null);
        }));
        WaitForGoodEnd();
    }

    /// <summary>Reads the first bytes of its output, as many as fit or as there are, and ends it.</summary>
    /// <exception cref="BackupCommandException">It gave fewer, and failed; or took too long.</exception>
    public int ReadFirst(byte[] to)
    {
        int count = 0;
        TryClose(_process.StandardInput.BaseStream);
        Wait(InBackground(() => count =
            _process.StandardOutput.BaseStream.ReadAtLeast(to, to.Length, throwOnEndOfStream: false)));
        if (count < to.Length)
        {
            WaitForGoodEnd();
        }

        return count;
    }

    public void Dispose()
    {
        End();
        _process.Dispose();
        _ends.Dispose();
    }

    private static Process Start(IReadOnlyList<string> words)
    {
        RequireTrusted(words[0]);
        try
        {
            return Process.Start(new ProcessStartInfo(words[0], words.Skip(1))
            {
                RedirectStandardError = true,
                RedirectStandardInput = true,
                RedirectStandardOutput = true,
            })!;
        }
        catch (Win32Exception e)
        {
            throw new BackupCommandException(words[0], $"cannot be started: {e.Message}.", said: null);
        }
    }

    // The name may be a link, which is followed where nobody untrusted could change it.
    private static void RequireTrusted(string program)
    {
        try
        {
            PathTrust.Own.RequireDirectoryOf(program);
            string file = File.ResolveLinkTarget(program, returnFinalTarget: true)?.FullName ?? program;
            PathTrust.Own.OpenFile(file).Dispose();
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            throw new BackupCommandException(program, $"cannot be started: {e.Message}", said: null);
        }
    }

    private static Task InBackground(Action action) => Task.Factory.StartNew(
        action, CancellationToken.None, TaskCreationOptions.LongRunning, TaskScheduler.Default);

    private static bool TryWrite(Stream to, ReadOnlySpan<byte> bytes)
    {
        try
        {
            to.Write(bytes);
            return true;
        }
        catch (IOException)
        {
            return false; // It has closed its input. How it ended says more.
        }
    }

    private static bool TryClose(Stream input)
    {
        try
        {
            input.Dispose();
            return true;
        }
        catch (IOException)
        {
            return false;
        }
    }

    private static string ReadSaid(Stream from)
    {
        byte[] kept = new byte[MostSaid];
        int count = from.ReadAtLeast(kept, kept.Length, throwOnEndOfStream: false);
        from.CopyTo(Stream.Null);
        char[] text = Encoding.UTF8.GetString(kept, 0, count).Trim().ToCharArray();
        return new string(Array.ConvertAll(text, c => char.IsControl(c) ? ' ' : c));
    }

    private void Wait(Task task)
    {
        try
        {
            task.WaitAsync(_ends.Token).GetAwaiter().GetResult();
        }
        catch (OperationCanceledException)
        {
            End();
            _cancelled.ThrowIfCancellationRequested();
            throw Failed($"did not end within {_timeout.TotalSeconds:0.###} s, and was killed.");
        }
    }

    private void WaitForGoodEnd()
    {
        Wait(_process.WaitForExitAsync(_ends.Token));
        if (_process.ExitCode != 0)
        {
            throw Failed($"failed (exit code {_process.ExitCode}).", _process.ExitCode);
        }
    }

    private BackupCommandException Failed(string detail, int? exitCode = null) =>
        new(_program, detail, _said.Wait(s_afterEnd, CancellationToken.None) ? _said.Result : null, exitCode);

    private void End()
    {
        try
        {
            if (!_process.HasExited)
            {
                _process.Kill(entireProcessTree: true);
                _process.WaitForExit(s_afterEnd);
            }
        }
        catch (Exception e) when (e is InvalidOperationException or Win32Exception or AggregateException)
        {
            // It has ended, or has children that are another user's.
        }
    }
}
