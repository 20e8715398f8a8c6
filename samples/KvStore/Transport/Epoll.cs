using System.ComponentModel;
using System.Runtime.InteropServices;
using Microsoft.Win32.SafeHandles;

namespace KvStore.Transport;

/// <summary>What a descriptor is watched for. Errors and hang-ups are always told, as readiness.</summary>
[Flags]
internal enum Readiness
{
    Readable = 1,
    Writable = 4,
}

/// <summary>
/// The kernel's readiness queue (<c>epoll</c>, level-triggered) and a wake-up for other threads (<c>eventfd</c>). One
/// thread waits; <see cref="Wake"/> is for any.
/// </summary>
internal sealed partial class Epoll : IDisposable
{
    private const string Library = "libc";
    private const int CloseOnExec = 0x80000; // EPOLL_CLOEXEC and EFD_CLOEXEC
    private const int NonBlocking = 0x800; // EFD_NONBLOCK
    private const int Add = 1;
    private const int Delete = 2;
    private const int Modify = 3;
    private const int Interrupted = 4; // EINTR

    // struct epoll_event is packed on x86-64 only: the mask, then 8 bytes of ours, of which the descriptor takes the
    // lower four.
    private static readonly int s_packed = RuntimeInformation.ProcessArchitecture == Architecture.X64 ? 0 : 1;
    private static readonly int s_stride = 3 + s_packed;
    private static readonly int s_data = 1 + s_packed;

    private readonly SafeFileHandle _queue = Own(EpollCreate(CloseOnExec), "epoll_create1");
    private readonly SafeFileHandle _wakeUp = Own(EventDescriptor(0, CloseOnExec | NonBlocking), "eventfd");
    private readonly int[] _events;

    /// <param name="most">Most events that one wait returns.</param>
    public Epoll(int most)
    {
        _events = new int[most * s_stride];
        Control(Add, _wakeUp, Readiness.Readable);
    }

    public void Watch(SafeHandle descriptor, Readiness what) => Control(Add, descriptor, what);

    public void Change(SafeHandle descriptor, Readiness what) => Control(Modify, descriptor, what);

    /// <summary>Before the descriptor is closed, or where it is to rest for a while.</summary>
    public void Forget(SafeHandle descriptor) => Control(Delete, descriptor, 0);

    /// <summary>Waits until something is ready, or the timeout has passed.</summary>
    /// <param name="milliseconds">0: only looks.</param>
    /// <returns>How many events <see cref="Descriptor"/> has.</returns>
    public int Wait(int milliseconds)
    {
        int count = EpollWait(_queue, ref _events[0], _events.Length / s_stride, milliseconds);
        if (count >= 0)
        {
            return count;
        }

        int error = Marshal.GetLastPInvokeError();
        return error == Interrupted ? 0 : throw Failed("epoll_wait", error);
    }

    /// <summary>The descriptor of an event of the last wait.</summary>
    public int Descriptor(int index) => _events[(index * s_stride) + s_data];

    /// <summary>True where this descriptor means that <see cref="Wake"/> was called; takes note of it.</summary>
    public bool TookWakeUp(int descriptor)
    {
        if (descriptor != (int)_wakeUp.DangerousGetHandle())
        {
            return false;
        }

        long count = 0;
        _ = Read(_wakeUp, ref count, sizeof(long));
        return true;
    }

    /// <summary>Ends a wait, the present one or else the next.</summary>
    public void Wake()
    {
        long one = 1;
        _ = Write(_wakeUp, ref one, sizeof(long));
    }

    public void Dispose()
    {
        _queue.Dispose();
        _wakeUp.Dispose();
    }

    private void Control(int operation, SafeHandle descriptor, Readiness what)
    {
        Span<int> wanted = stackalloc int[s_stride];
        wanted.Clear();
        wanted[0] = (int)what;
        wanted[s_data] = (int)descriptor.DangerousGetHandle();
        if (EpollControl(_queue, operation, descriptor, ref wanted[0]) != 0)
        {
            throw Failed("epoll_ctl", Marshal.GetLastPInvokeError());
        }
    }

    private static SafeFileHandle Own(int descriptor, string call) =>
        descriptor >= 0 ? new SafeFileHandle(descriptor, ownsHandle: true)
            : throw Failed(call, Marshal.GetLastPInvokeError());

    private static Win32Exception Failed(string call, int error) =>
        new(error, $"{call}: {Marshal.GetPInvokeErrorMessage(error)}");

    [LibraryImport(Library, EntryPoint = "epoll_create1", SetLastError = true)]
    private static partial int EpollCreate(int flags);

    [LibraryImport(Library, EntryPoint = "epoll_ctl", SetLastError = true)]
    private static partial int EpollControl(SafeFileHandle queue, int operation, SafeHandle descriptor, ref int wanted);

    [LibraryImport(Library, EntryPoint = "epoll_wait", SetLastError = true)]
    private static partial int EpollWait(SafeFileHandle queue, ref int events, int most, int milliseconds);

    [LibraryImport(Library, EntryPoint = "eventfd", SetLastError = true)]
    private static partial int EventDescriptor(uint initial, int flags);

    [LibraryImport(Library, EntryPoint = "read", SetLastError = true)]
    private static partial nint Read(SafeFileHandle descriptor, ref long value, nint length);

    [LibraryImport(Library, EntryPoint = "write", SetLastError = true)]
    private static partial nint Write(SafeFileHandle descriptor, ref long value, nint length);
}
