using System.Runtime.InteropServices;
using System.Text;
using GuestMemFs.Holding.Luo;
using GuestMemFs.Holding.Native;
using Microsoft.Win32.SafeHandles;

namespace GuestMemFs.Holding;

/// <summary>
/// A session: descriptors under tokens that go over the kexec together. One that was created takes descriptors in and
/// must stay open in a live process until the kexec; one that was retrieved gives them back.
/// </summary>
/// <remarks>Thread-safe.</remarks>
public sealed class LuoSession : IDisposable
{
    private readonly LuoKernel _kernel;

    internal LuoSession(LuoKernel kernel, SafeFileHandle handle, string name, bool retrieved)
    {
        _kernel = kernel;
        Handle = handle;
        Name = name;
        IsRetrieved = retrieved;
    }

    /// <summary>Longest name of a session, in bytes.</summary>
    public const int MaximumNameBytes = LuoAbi.NameBytes - 1;

    /// <summary>Its name.</summary>
    public string Name { get; }

    /// <summary>True where it came over a kexec, false where it was made under this kernel.</summary>
    public bool IsRetrieved { get; }

    /// <summary>
    /// The session's descriptor, which can be handed to another process: the session lives as long as anybody holds it.
    /// </summary>
    public SafeFileHandle Handle { get; }

    /// <summary>
    /// Marks memory to be kept over the next kexec. It stays readable and writable, and can neither grow nor shrink
    /// until the session is closed; holes in it are filled. Blocks for a time in proportion to its pages.
    /// </summary>
    /// <param name="descriptor">A memfd of ordinary memory.</param>
    /// <param name="token">What it is asked for by afterwards; any number, once a session.</param>
    /// <exception cref="LuoException"><see cref="LuoErrorKind.TokenUsed"/>,
    /// <see cref="LuoErrorKind.AlreadyPreserved"/>, <see cref="LuoErrorKind.NotPreservable"/>,
    /// <see cref="LuoErrorKind.BadDescriptor"/>, <see cref="LuoErrorKind.UnknownSeal"/>,
    /// <see cref="LuoErrorKind.TooLong"/>, <see cref="LuoErrorKind.NoRoom"/>,
    /// <see cref="LuoErrorKind.WrongState"/>.</exception>
    public unsafe void Preserve(SafeHandle descriptor, ulong token)
    {
        ArgumentNullException.ThrowIfNull(descriptor);
        ObjectDisposedException.ThrowIf(Handle.IsClosed, this);
        bool held = false;
        try
        {
            descriptor.DangerousAddRef(ref held);
            LuoDescriptorRequest argument = new() { Size = (uint)sizeof(LuoDescriptorRequest),
                Descriptor = (int)descriptor.DangerousGetHandle(), Token = token };
            int result = _kernel.Call(Handle, LuoAbi.PreserveDescriptor, &argument);
            if (result < 0)
            {
                throw LuoErrors.AtPreserve(-result, Name, token);
            }
        }
        finally
        {
            if (held)
            {
                descriptor.DangerousRelease();
            }
        }
    }

    /// <summary>
    /// Gives back what was preserved under a token; asked again, another descriptor of the same memory. It is
    /// close-on-exec.
    /// </summary>
    /// <exception cref="LuoException"><see cref="LuoErrorKind.TokenMissing"/>, <see cref="LuoErrorKind.WrongState"/>,
    /// <see cref="LuoErrorKind.HandoverDamaged"/>, <see cref="LuoErrorKind.NoRoom"/>.</exception>
    public unsafe SafeFileHandle Retrieve(ulong token)
    {
        ObjectDisposedException.ThrowIf(Handle.IsClosed, this);
        LuoDescriptorRequest argument = new() { Size = (uint)sizeof(LuoDescriptorRequest), Descriptor = -1,
            Token = token };
        int result = _kernel.Call(Handle, LuoAbi.RetrieveDescriptor, &argument);
        return result >= 0 ? new SafeFileHandle(argument.Descriptor, ownsHandle: true)
            : throw LuoErrors.AtRetrieve(-result, Name, token);
    }

    /// <summary>
    /// Tells the kernel that all that was wanted is retrieved: what was not is given up. Only for a retrieved session.
    /// </summary>
    /// <exception cref="LuoException"><see cref="LuoErrorKind.WrongState"/>.</exception>
    public unsafe void Finish()
    {
        ObjectDisposedException.ThrowIf(Handle.IsClosed, this);
        LuoFinishRequest argument = new() { Size = (uint)sizeof(LuoFinishRequest) };
        int result = _kernel.Call(Handle, LuoAbi.Finish, &argument);
        if (result < 0)
        {
            throw LuoErrors.AtFinish(-result, Name);
        }
    }

    /// <summary>The name that the kernel has for it, which kernels before 7.1 or so do not tell.</summary>
    /// <exception cref="LuoException"><see cref="LuoErrorKind.OtherInterface"/>: it does not tell.</exception>
    public unsafe string AskName()
    {
        ObjectDisposedException.ThrowIf(Handle.IsClosed, this);
        LuoNameRequest argument = new() { Size = (uint)sizeof(LuoNameRequest) };
        int result = _kernel.Call(Handle, LuoAbi.GetName, &argument);
        return result >= 0 ? Encoding.ASCII.GetString(MemoryMarshal.CreateReadOnlySpanFromNullTerminated(argument.Name))
            : throw LuoErrors.AtGetName(-result, Name);
    }

    /// <summary>
    /// Closes our descriptor. Where it was the last: a created session gives back what it preserved, and the next
    /// kernel will not have it; a retrieved one is finished.
    /// </summary>
    public void Dispose() => Handle.Dispose();

    internal static void CheckName(string name)
    {
        ArgumentNullException.ThrowIfNull(name);
        if (name.Length is 0 or > MaximumNameBytes || name.Any(c => !char.IsAscii(c) || char.IsControl(c)))
        {
            throw new ArgumentException(
                $"'{name}' cannot be a session's name: 1 to {MaximumNameBytes} characters of ASCII.", nameof(name));
        }
    }
}
