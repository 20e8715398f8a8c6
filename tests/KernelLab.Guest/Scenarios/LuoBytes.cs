using System.Diagnostics;
using System.Runtime.InteropServices;
using System.Security.Cryptography;
using GuestMemFs.Holding;
using Microsoft.Win32.SafeHandles;

namespace GuestMemFs.KernelLab.Guest.Scenarios;

/// <summary>
/// The Live Update Orchestrator itself: a memfd goes over two kexecs, is written to in between and after it was
/// preserved, and every byte is compared. What the kernel refuses is asked for on the way.
/// </summary>
internal sealed partial class LuoBytes : Scenario
{
    private const string Name = "lab";
    private const ulong Token = 0x6c61_62;
    private const int Length = 64 << 20;
    private const uint HugePages = 4;

    public override void Run(Stage stage)
    {
        LuoSupport support = LuoSupport.Ask();
        Stage.Check(support.IsAvailable, $"no orchestrator: {support.Advice}");
        using LuoDevice device = LuoDevice.Open();
        SafeFileHandle memory = stage.Number == 0 ? Create("luo-bytes", 0) : Retrieve(stage, device);
        if (stage.Number == 0)
        {
            RandomAccess.SetLength(memory, Length);
            Refusals(stage, device);
            ArenaCannotGrow(stage, device);
        }

        if (stage.Number == 2)
        {
            memory.Dispose();
            return;
        }

        byte[] content = RandomNumberGenerator.GetBytes(Length);
        RandomAccess.Write(memory, content, 0);
        LuoSession session = device.CreateSession(Name); // Open until the kernel is gone.
        Time(stage, "preserve 64 MiB", () => session.Preserve(memory, Token));
        Stage.Check(session.AskName() == Name, $"the session says that it is {session.AskName()}");
        Told(LuoErrorKind.AlreadyPreserved, () => session.Preserve(memory, Token + 1));
        Told(LuoErrorKind.TokenUsed, () => session.Preserve(memory, Token));
        content[4711] ^= 0xFF;
        RandomAccess.Write(memory, content.AsSpan(4711, 1), 4711); // Still writable.
        try
        {
            RandomAccess.SetLength(memory, 2 * Length);
            throw new ScenarioException("a preserved memfd grew");
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            stage.Host.Tell("growth refused", e.GetType().Name);
        }

        stage.Host.Tell("hash", Convert.ToHexString(SHA256.HashData(content)));
        stage.LoadNext("7.2");
        Kexec.Enter();
    }

    private static SafeFileHandle Retrieve(Stage stage, LuoDevice device)
    {
        using LuoSession session = device.RetrieveSession(Name);
        Told(LuoErrorKind.SessionRetrieved, () => device.RetrieveSession(Name));
        Told(LuoErrorKind.TokenMissing, () => session.Retrieve(Token + 1));
        Told(LuoErrorKind.WrongState, () => session.Preserve(Create("late", 0), 1));
        SafeFileHandle memory = null!;
        Time(stage, "retrieve 64 MiB", () => memory = session.Retrieve(Token));
        session.Finish();
        byte[] content = new byte[Length];
        Stage.Check(RandomAccess.GetLength(memory) == Length, $"it has {RandomAccess.GetLength(memory)} bytes");
        Stage.Check(RandomAccess.Read(memory, content, 0) == Length, $"it could not be read to its end");
        string hash = Convert.ToHexString(SHA256.HashData(content));
        Stage.Check(hash == stage.Host.Ask("hash"),
            $"the content has hash {hash}, {stage.Host.Ask("hash")} was preserved");
        stage.Host.Tell("kept", $"{stage.Number}");
        return memory;
    }

    private static void Refusals(Stage stage, LuoDevice device)
    {
        try
        {
            LuoDevice.Open();
            throw new ScenarioException("the device was opened twice");
        }
        catch (LuoDeviceBusyException e)
        {
            Stage.Check(e.HolderProcessId == Environment.ProcessId,
                $"process {e.HolderProcessId} is said to have the device, we are {Environment.ProcessId}");
            stage.Host.Tell("second opener", e.Message);
        }

        Told(LuoErrorKind.SessionMissing, () => device.RetrieveSession("nobody"));
        using LuoSession session = device.CreateSession("refusals");
        Told(LuoErrorKind.SessionExists, () => device.CreateSession("refusals"));
        Told(LuoErrorKind.WrongState, () => session.Retrieve(1));
        Told(LuoErrorKind.WrongState, session.Finish);
        using SafeFileHandle named = File.OpenHandle("/tmp/named", FileMode.Create, FileAccess.ReadWrite);
        Told(LuoErrorKind.NotPreservable, () => session.Preserve(named, 1));
        using SafeFileHandle huge = Create("huge", HugePages);
        Told(LuoErrorKind.NotPreservable, () => session.Preserve(huge, 1));
        using SafeFileHandle given = Create("given back", 0);
        RandomAccess.SetLength(given, 4096);
        session.Preserve(given, 1);
        session.Dispose();
        RandomAccess.SetLength(given, 8192); // Closing the session gave it back.
    }

    /// <summary>
    /// An arena whose metadata is preserved takes writes, and nothing can be added to it; with the session closed it
    /// goes on.
    /// </summary>
    private static void ArenaCannotGrow(Stage stage, LuoDevice device)
    {
        var holder = new ProcessHolder("growing");
        using Medium medium = Medium.FromHolder(holder);
        using PersistentArena arena = PersistentArena.Create(new ArenaOptions { Medium = medium });
        using PersistentRegion region = arena.CreateRegion("a", 8 << 20,
            new RegionOptions { Reserve = RegionReserve.OnDemand });
        using (LuoSession session = device.CreateSession("growing"))
        {
            foreach (HeldDescriptor file in holder.Take())
            {
                using SafeFileHandle descriptor = file.Descriptor;
                session.Preserve(descriptor, ArenaDescriptors.Identify(descriptor)!.ExtentId);
            }

            region.AsSpan((int)region.Length - 1, 1)[0] = 1;
            using (MediumFile extent = medium.TryOpenFile("extent-1", writable: true)!)
            {
                extent.Reserve(0, extent.Length); // It was filled when it was preserved.
                Stage.Check(!extent.TryDiscard(0, 2 << 20), $"a preserved extent lost memory");
            }

            try
            {
                arena.CreateRegion("b", 4 << 20).Dispose();
                throw new ScenarioException("a preserved arena took another region");
            }
            catch (ArenaPreservedException e)
            {
                stage.Host.Tell("arena refused", e.Message);
            }
        }

        arena.CreateRegion("b", 4 << 20).Dispose();
    }

    private static void Told(LuoErrorKind kind, Action action)
    {
        try
        {
            action();
        }
        catch (LuoException e) when (e.Kind == kind)
        {
            return;
        }

        throw new ScenarioException($"{kind} was expected");
    }

    private static void Time(Stage stage, string what, Action action)
    {
        long since = Stopwatch.GetTimestamp();
        action();
        stage.Host.Tell(what, $"{Stopwatch.GetElapsedTime(since).TotalMilliseconds:0.0} ms");
    }

    private static SafeFileHandle Create(string name, uint flags)
    {
        int descriptor = MemfdCreate(name, flags);
        Stage.Check(descriptor >= 0, $"memfd_create: {Marshal.GetLastPInvokeErrorMessage()}");
        return new SafeFileHandle(descriptor, ownsHandle: true);
    }

    [LibraryImport("libc", EntryPoint = "memfd_create", SetLastError = true,
        StringMarshalling = StringMarshalling.Utf8)]
    private static partial int MemfdCreate(string name, uint flags);
}
