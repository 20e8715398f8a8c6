using System.Globalization;
using System.IO.Pipes;
using System.Net.Sockets;
using System.Runtime.InteropServices;
using System.Text;
using GuestMemFs.Holding.Clients;
using GuestMemFs.Holding.Native;
using Microsoft.Win32.SafeHandles;

namespace GuestMemFs.Holding;

/// <summary>
/// systemd's file descriptor store as the holder (sd_notify(3), <c>FileDescriptorStoreMax=</c>): what a service puts
/// there, its next process is started with. Kept over a restart and a crash; over <c>systemctl stop</c> with
/// <c>FileDescriptorStorePreserve=yes</c>; with that and systemd 261 over a kexec too, which systemd then hands over
/// itself.
/// </summary>
/// <remarks>Thread-safe. The descriptors of a process's start can be taken once, and are the first taker's.</remarks>
public sealed class SystemdHolder : DescriptorHolder
{
    private const int FirstDescriptor = 3; // SD_LISTEN_FDS_START
    private static readonly TimeSpan s_barrierLimit = TimeSpan.FromSeconds(10);
    private readonly Func<string, string?> _environment;
    private readonly string _notify;
    private readonly string _store;
    private int _passed;
    private bool _taken;

    /// <summary>The service manager of this process.</summary>
    /// <param name="store">The arena's name.</param>
    /// <exception cref="MediumException"><see cref="MediumErrorKind.Missing"/>: this is no service of systemd's that
    /// may notify.</exception>
    public SystemdHolder(string store)
        : this(store, Environment.GetEnvironmentVariable)
    {
    }

    internal SystemdHolder(string store, Func<string, string?> environment)
    {
        StoreName.Check(store);
        _store = store;
        _environment = environment;
        _notify = environment("NOTIFY_SOCKET") is { Length: > 1 } path
            ? path
            : throw new MediumException(MediumErrorKind.Missing, "notify", "systemd", 0,
                "There is no NOTIFY_SOCKET: this process is no service of systemd's that may notify. Start it by a " +
                "unit with Type=notify or NotifyAccess=main, and FileDescriptorStoreMax=.");
    }

    /// <inheritdoc/>
    public override string Location => $"systemd ({_store})";

    /// <inheritdoc/>
    public override Survives Survives => HeldMemory.Survives;

    /// <summary>As many as the unit says (systemd 254 and later tell it).</summary>
    public override int MaximumFiles => int.TryParse(_environment("FDSTORE"), NumberStyles.None,
        CultureInfo.InvariantCulture, out int limit) ? limit : int.MaxValue;

    /// <inheritdoc/>
    public override string EmptyReason =>
        $"systemd started this process with {_passed} descriptors, none of them of '{_store}': its store for this " +
        "service was empty. It keeps what it is given over a restart and a crash (FileDescriptorStoreMax=), over a " +
        "stop only with FileDescriptorStorePreserve=yes, and over a kexec only from systemd 261 on.";

    /// <inheritdoc/>
    public override IReadOnlyList<HeldDescriptor> Take()
    {
        var files = new List<HeldDescriptor>();
        if (Interlocked.Exchange(ref _taken, true))
        {
            return files; // They are the first caller's, and systemd passes them at the start only.
        }

        if (!int.TryParse(_environment("LISTEN_PID"), NumberStyles.None, CultureInfo.InvariantCulture, out int process)
            || process != Environment.ProcessId
            || !int.TryParse(_environment("LISTEN_FDS"), NumberStyles.None, CultureInfo.InvariantCulture, out _passed))
        {
            return files; // None were passed, or to another process.
        }

        string[] names = (_environment("LISTEN_FDNAMES") ?? "").Split(':');
        for (int i = 0; i < _passed; i++)
        {
            if (i < names.Length && names[i].StartsWith(_store + "/", StringComparison.Ordinal))
            {
                var descriptor = new SafeFileHandle(FirstDescriptor + i, ownsHandle: true);
                if (!DescriptorMessages.SetCloseOnExec(descriptor))
                {
                    descriptor.SetHandleAsInvalid();
                    throw new MediumException(MediumErrorKind.Missing, "take", Location, 0,
                        $"systemd says that descriptor {FirstDescriptor + i} is '{names[i]}', and it is not open: " +
                        "something closed it before, or took it already.");
                }

                files.Add(new HeldDescriptor(names[i][(_store.Length + 1)..], descriptor));
            }
        }

        return files;
    }

    /// <inheritdoc/>
    public override void Put(string name, SafeFileHandle descriptor)
    {
        Notify(descriptor, $"FDSTORE=1\nFDNAME={NameOf(name)}\nFDPOLL=0");
        Barrier();
    }

    /// <inheritdoc/>
    public override void Drop(string name)
    {
        Notify(null, $"FDSTOREREMOVE=1\nFDNAME={NameOf(name)}");
        Barrier();
    }

    private string NameOf(string file) => $"{_store}/{file}"; // systemd takes 255 printable characters, and no colon.

    /// <summary>Waits until systemd has read what was sent before: it closes the pipe then.</summary>
    private void Barrier()
    {
        using var pipe = new AnonymousPipeServerStream(PipeDirection.In);
        Notify(pipe.ClientSafePipeHandle, "BARRIER=1");
        pipe.DisposeLocalCopyOfClientHandle();
        if (!pipe.ReadAsync(new byte[1]).AsTask().Wait(s_barrierLimit))
        {
            throw new MediumException(MediumErrorKind.Busy, "notify", Location, 0,
                $"systemd did not take a message in within {s_barrierLimit.TotalSeconds:0} s: whether it holds the " +
                "descriptor is not known.");
        }
    }

    private void Notify(SafeHandle? descriptor, string message) => ServiceManager.Send(_notify, message, descriptor);
}
