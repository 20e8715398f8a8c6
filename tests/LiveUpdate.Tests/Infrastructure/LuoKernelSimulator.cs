using System.Buffers.Binary;
using System.Text;
using Microsoft.Win32.SafeHandles;

namespace GuestMemFs.LiveUpdate.Tests.Infrastructure;

/// <summary>
/// As much of the orchestrator as a plan meets: sessions keep real descriptors, and <see cref="Kexec"/> takes over what
/// sessions are open then and forgets the rest. What the real one does, the lab shows.
/// </summary>
internal sealed unsafe class LuoKernelSimulator : LuoKernel
{
    private readonly List<Session> _sessions = [];
    private Dictionary<string, Dictionary<ulong, SafeFileHandle>> _incoming = new(StringComparer.Ordinal);

    /// <summary>Refuses this request with this errno from now on.</summary>
    public (uint Request, int Errno)? Refusal { get; set; }

    /// <summary>What was asked, in order, as <c>preserve 3</c>.</summary>
    public List<string> Log { get; } = [];

    /// <summary>False: there is no device, as under a kernel without <c>liveupdate=on</c>.</summary>
    public bool Available { get; set; } = true;

    public override int Open(string path) => Available ? Give(null) : -2;

    /// <summary>The next kernel: what is in sessions that somebody still has open, comes along.</summary>
    public void Kexec()
    {
        _incoming = _sessions.Where(session => session is { Incoming: false } && IsOpen(session)).ToDictionary(
            session => session.Name, session => session.Files, StringComparer.Ordinal);
        _sessions.Clear();
        Log.Clear();
    }

    public override int Call(SafeFileHandle file, uint request, void* argument)
    {
        if (Refusal is { } refusal && refusal.Request == request)
        {
            return -refusal.Errno;
        }

        var bytes = new Span<byte>(argument,
            checked((int)BinaryPrimitives.ReadUInt32LittleEndian(new ReadOnlySpan<byte>(argument, 4))));
        switch (request)
        {
            case LuoAbi.CreateSession:
                BinaryPrimitives.WriteInt32LittleEndian(bytes[4..],
                    Give(new Session(NameIn(bytes), [], Incoming: false)));
                return 0;
            case LuoAbi.RetrieveSession:
                if (!_incoming.Remove(NameIn(bytes), out Dictionary<ulong, SafeFileHandle>? files))
                {
                    return -2;
                }

                BinaryPrimitives.WriteInt32LittleEndian(bytes[4..],
                    Give(new Session(NameIn(bytes), files, Incoming: true)));
                return 0;
            case LuoAbi.PreserveDescriptor:
                ulong token = BinaryPrimitives.ReadUInt64LittleEndian(bytes[8..]);
                Log.Add($"preserve {token}");
                using (var given = new SafeFileHandle(BinaryPrimitives.ReadInt32LittleEndian(bytes[4..]),
                    ownsHandle: false))
                {
                    return Of(file).Files.TryAdd(token, DescriptorMessages.Duplicate(given)) ? 0 : -17;
                }

            case LuoAbi.RetrieveDescriptor:
                ulong asked = BinaryPrimitives.ReadUInt64LittleEndian(bytes[8..]);
                Log.Add($"retrieve {asked}");
                if (!Of(file).Files.TryGetValue(asked, out SafeFileHandle? kept))
                {
                    return -2;
                }

                SafeFileHandle again = DescriptorMessages.Duplicate(kept);
                BinaryPrimitives.WriteInt32LittleEndian(bytes[4..], (int)again.DangerousGetHandle());
                again.SetHandleAsInvalid();
                return 0;
            case LuoAbi.Finish:
                Log.Add("finish");
                return 0;
            default:
                return -25;
        }
    }

    private static string NameIn(ReadOnlySpan<byte> request) => Encoding.ASCII.GetString(request[8..].TrimEnd((byte)0));

    /// <summary>A descriptor that stands for a session: an empty file, whose name tells it again.</summary>
    private int Give(Session? session)
    {
        string path = Path.Combine(Path.GetTempPath(), $"luo-{Guid.NewGuid():N}");
        SafeFileHandle file = File.OpenHandle(path, FileMode.CreateNew, FileAccess.ReadWrite);
        File.Delete(path);
        if (session is not null)
        {
            _sessions.Add(session with { Descriptor = (int)file.DangerousGetHandle(), Path = path });
        }

        int descriptor = (int)file.DangerousGetHandle();
        file.SetHandleAsInvalid();
        return descriptor;
    }

    private Session Of(SafeFileHandle file) =>
        _sessions.Last(session => session.Descriptor == (int)file.DangerousGetHandle());

    private static bool IsOpen(Session session) =>
        new FileInfo(FormattableString.Invariant($"/proc/self/fd/{session.Descriptor}")).LinkTarget?.StartsWith(
            session.Path, StringComparison.Ordinal) == true;

    private sealed record Session(string Name, Dictionary<ulong, SafeFileHandle> Files, bool Incoming)
    {
        public int Descriptor { get; init; } = -1;

        public string Path { get; init; } = "";
    }
}
