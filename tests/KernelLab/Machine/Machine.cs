using System.Diagnostics;
using GuestMemFs.KernelLab.Parts;

namespace GuestMemFs.KernelLab.Machines;

/// <summary>
/// A machine in QEMU, emulated (TCG), so that no host is too plain for it. Its first serial line is the kernel's
/// console, kept in a file; on the second the guest program tells what it finds, and asks for what an earlier stage
/// told: the host is the only memory that a scenario has beside the one under test.
/// </summary>
internal sealed class Machine : IDisposable
{
    /// <summary>
    /// Without SMAP: QEMU before 9.1 does not see that an iretq of a user's is a user's, and its kernel takes the read
    /// of the stack for a forbidden one of its own. .NET restores a thread's context by iretq.
    /// </summary>
    public const string Processor = "max,smap=off";

    /// <summary>What a guest asks for how many numbers <see cref="CountingLine"/> heard so far.</summary>
    private const string HeardNumbers = "numbers heard";

    private readonly Process _process;
    private readonly string _console;
    private readonly Transcript _transcript;

    private Machine(Process process, string console, Transcript transcript)
    {
        _process = process;
        _console = console;
        _transcript = transcript;
        AppDomain.CurrentDomain.ProcessExit += EndWithUs;
    }

    /// <summary>
    /// Boots a machine and runs its scenario to the end. Gives what it told; the console's end is part of it.
    /// </summary>
    public static Transcript Run(LabParts parts, string disk, string initialRamDisk, Boot boot, string console)
    {
        CountingLine? counting = null;
        var transcript = new Transcript(question =>
            question == HeardNumbers ? $"{counting?.Heard}" : boot.Answer(question));
        using CountingLine? line = counting = boot.Counts ? new CountingLine(transcript.Started) : null;
        string[] arguments =
        [
            "-accel", "tcg,thread=multi", "-cpu", Processor, "-smp", "2", "-m", boot.Memory, "-M", "q35", "-nodefaults",
            "-no-user-config", "-display", "none",
            "-serial", $"file:{console}", "-serial", "stdio",
            "-kernel", boot.Kernel.Image(parts), "-initrd", initialRamDisk, "-append", boot.FullCommandLine,
            "-drive", $"file={disk},if=virtio,format=raw,readonly=on",
            .. line?.Arguments ?? [], .. boot.Resets ? [] : (string[])["-no-reboot"],
            .. boot.Devices,
        ];
        var start = new ProcessStartInfo("qemu-system-x86_64", arguments)
        {
            RedirectStandardInput = true, RedirectStandardOutput = true, RedirectStandardError = true,
        };
        using var machine = new Machine(Process.Start(start)!, console, transcript);
        machine.Follow(boot.Limit);
        transcript.Counted = line?.End() ?? [];
        return transcript;
    }

    /// <summary>Ends it, where it still runs.</summary>
    public void Dispose()
    {
        AppDomain.CurrentDomain.ProcessExit -= EndWithUs;
        if (!_process.HasExited)
        {
            _process.Kill();
            _process.WaitForExit();
        }

        _process.Dispose();
    }

    private void Follow(TimeSpan limit)
    {
        Task<string> errors = _process.StandardError.ReadToEndAsync();
        var reader = new Thread(Read) { IsBackground = true };
        reader.Start();
        if (!_process.WaitForExit(limit))
        {
            _transcript.Fail($"the machine did not end within {limit.TotalSeconds:0} s");
            _process.Kill();
        }

        reader.Join();
        _transcript.End(errors.Result, File.Exists(_console) ? File.ReadAllText(_console) : "");
    }

    private void Read()
    {
        while (_process.StandardOutput.ReadLine() is { } line)
        {
            if (_transcript.Add(line) is { } answer)
            {
                try
                {
                    _process.StandardInput.Write(answer + "\n");
                    _process.StandardInput.Flush();
                }
                catch (IOException)
                {
                    return; // It ended in the middle of its question.
                }
            }
        }
    }

    private void EndWithUs(object? sender, EventArgs e)
    {
        if (!_process.HasExited)
        {
            _process.Kill();
        }
    }
}
