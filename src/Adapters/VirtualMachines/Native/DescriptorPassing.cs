using System.Runtime.InteropServices;

namespace GuestMemFs.VirtualMachines.Native;

/// <summary>Sends a descriptor beside bytes over a unix socket: <c>SCM_RIGHTS</c>, unix(7).</summary>
internal static partial class DescriptorPassing
{
    private const int SOL_SOCKET = 1;
    private const int SCM_RIGHTS = 1;
    private const int MSG_NOSIGNAL = 0x4000;
    private const int MSG_DONTWAIT = 0x40;
    private const int EINTR = 4;
    private const int EAGAIN = 11;

    /// <summary>Sends the message's beginning with the descriptor; returns how many bytes that was, at least one.</summary>
    public static async Task<int> SendAsync(SafeHandle socket, ReadOnlyMemory<byte> message, SafeHandle descriptor, CancellationToken cancellation)
    {
        while (true)
        {
            int error = TrySend(socket, message.Span, descriptor, out int sent);
            if (error == 0)
            {
                return sent;
            }

            if (error is not (EAGAIN or EINTR))
            {
                throw new IOException($"sendmsg: {Marshal.GetPInvokeErrorMessage(error)} (errno {error})");
            }

            await Task.Delay(1, cancellation).ConfigureAwait(false);
        }
    }

    private static unsafe int TrySend(SafeHandle socket, ReadOnlySpan<byte> message, SafeHandle descriptor, out int sent)
    {
        bool held = false;
        try
        {
            descriptor.DangerousAddRef(ref held);
            Control control = new() { Length = (nuint)sizeof(Control) - sizeof(int), Level = SOL_SOCKET, Type = SCM_RIGHTS, Descriptor = (int)descriptor.DangerousGetHandle() };
            fixed (byte* bytes = message)
            {
                IoVector vector = new() { Base = bytes, Length = (nuint)message.Length };
                Message header = new() { Vectors = &vector, VectorCount = 1, Control = &control, ControlLength = (nuint)sizeof(Control) };
                nint result = SendMsg(socket, &header, MSG_NOSIGNAL | MSG_DONTWAIT);
                sent = (int)result;
                return result < 0 ? Marshal.GetLastPInvokeError() : 0;
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

    [LibraryImport("libc", EntryPoint = "sendmsg", SetLastError = true)]
    private static unsafe partial nint SendMsg(SafeHandle socket, Message* message, int flags);

    /// <summary><c>struct iovec</c>.</summary>
    private unsafe struct IoVector
    {
        public byte* Base;
        public nuint Length;
    }

    /// <summary><c>struct msghdr</c> of 64-bit Linux.</summary>
    private unsafe struct Message
    {
        public void* Name;
        public uint NameLength;
        public IoVector* Vectors;
        public nuint VectorCount;
        public Control* Control;
        public nuint ControlLength;
        public int Flags;
    }

    /// <summary><c>struct cmsghdr</c> with one descriptor, padded to eight bytes.</summary>
    [StructLayout(LayoutKind.Sequential, Size = 24)]
    private struct Control
    {
        public nuint Length;
        public int Level;
        public int Type;
        public int Descriptor;
    }
}
