using GuestMemFs.Holding.Luo;
using GuestMemFs.Holding.Native;
using Microsoft.Win32.SafeHandles;

namespace GuestMemFs.Holding;

/// <summary>
/// <c>/dev/liveupdate</c>: makes sessions for the next kexec, and gives back those that came over the last one. One
/// process has it at a time; sessions live on without it, so open it, get the sessions, and dispose of it.
/// </summary>
/// <remarks>Thread-safe. Linux 6.19 and later, with <c>kho=on liveupdate=on</c>.</remarks>
public sealed class LuoDevice : IDisposable
{
    /// <summary>The device.</summary>
    public const string Path = LuoAbi.Device;

    private readonly LuoKernel _kernel;
    private readonly SafeFileHandle _handle;

    private LuoDevice(LuoKernel kernel, SafeFileHandle handle)
    {
        _kernel = kernel;
        _handle = handle;
    }

    /// <summary>Opens the device.</summary>
    /// <exception cref="LuoDeviceBusyException">Another process has it; the exception names it where it
    /// can.</exception>
    /// <exception cref="LuoException"><see cref="LuoErrorKind.Unavailable"/>, <see cref="LuoErrorKind.Denied"/>,
    /// <see cref="LuoErrorKind.HandoverDamaged"/>.</exception>
    public static LuoDevice Open() => Open(LuoKernel.Real);

    internal static LuoDevice Open(LuoKernel kernel)
    {
        int result = kernel.Open(Path);
        return result >= 0 ? new LuoDevice(kernel, new SafeFileHandle(result, ownsHandle: true))
            : throw LuoErrors.AtOpen(-result);
    }

    /// <summary>
    /// Makes an empty session. It ends, and gives back what it preserved, when its last descriptor is closed before the
    /// kexec.
    /// </summary>
    /// <param name="name">1 to 63 bytes of ASCII.</param>
    /// <exception cref="ArgumentException">The name cannot be.</exception>
    /// <exception cref="LuoException"><see cref="LuoErrorKind.SessionExists"/>,
    /// <see cref="LuoErrorKind.NoRoom"/>.</exception>
    public LuoSession CreateSession(string name) => GetSession(name, LuoAbi.CreateSession, retrieved: false);

    /// <summary>
    /// Gives a session back that came over the kexec. Each can be retrieved once; when its last descriptor is closed,
    /// what was not retrieved from it is gone.
    /// </summary>
    /// <exception cref="ArgumentException">The name cannot be.</exception>
    /// <exception cref="LuoException"><see cref="LuoErrorKind.SessionMissing"/>,
    /// <see cref="LuoErrorKind.SessionRetrieved"/>.</exception>
    public LuoSession RetrieveSession(string name) => GetSession(name, LuoAbi.RetrieveSession, retrieved: true);

    /// <inheritdoc/>
    public void Dispose() => _handle.Dispose();

    private unsafe LuoSession GetSession(string name, uint request, bool retrieved)
    {
        ObjectDisposedException.ThrowIf(_handle.IsClosed, this);
        LuoSession.CheckName(name);
        LuoSessionRequest argument = new() { Size = (uint)sizeof(LuoSessionRequest), Descriptor = -1 };
        System.Text.Encoding.ASCII.GetBytes(name, new Span<byte>(argument.Name, LuoAbi.NameBytes));
        int result = _kernel.Call(_handle, request, &argument);
        return result >= 0
            ? new LuoSession(_kernel, new SafeFileHandle(argument.Descriptor, ownsHandle: true), name, retrieved)
            : throw (retrieved ? LuoErrors.AtRetrieveSession(-result, name) : LuoErrors.AtCreate(-result, name));
    }
}
