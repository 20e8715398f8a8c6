using System.Buffers.Binary;
using Microsoft.Win32.SafeHandles;

namespace GuestMemFs.Holding.Tests.Luo;

/// <summary>
/// A kernel that answers what the test says, and keeps the bytes of what it was asked. Descriptors that it gives out
/// are of /dev/null, so that they can be closed.
/// </summary>
internal sealed unsafe class LuoKernelDouble : LuoKernel
{
    /// <summary>The answer to the open: 0, or -errno.</summary>
    public int OpenResult { get; init; }

    /// <summary>The answer to each request: 0, or -errno.</summary>
    public Func<uint, int> Result { get; init; } = _ => 0;

    /// <summary>What was asked: the request's number, and as many bytes as the structure says it has.</summary>
    public List<(uint Request, byte[] Argument)> Asked { get; } = [];

    public override int Open(string path) => OpenResult < 0 ? OpenResult : Null();

    public override int Call(SafeFileHandle file, uint request, void* argument)
    {
        var bytes = new Span<byte>(argument,
            checked((int)BinaryPrimitives.ReadUInt32LittleEndian(new ReadOnlySpan<byte>(argument, 4))));
        Asked.Add((request, bytes.ToArray()));
        int result = Result(request);
        if (result >= 0 && request is 0xBA00 or 0xBA01 or 0xBA41)
        {
            BinaryPrimitives.WriteInt32LittleEndian(bytes[4..], Null());
        }

        if (result >= 0 && request == 0xBA43)
        {
            "told"u8.CopyTo(bytes[8..]);
        }

        return result;
    }

    private static int Null()
    {
        using SafeFileHandle file = File.OpenHandle("/dev/null");
        int descriptor = (int)file.DangerousGetHandle();
        file.SetHandleAsInvalid(); // Given away.
        return descriptor;
    }
}
