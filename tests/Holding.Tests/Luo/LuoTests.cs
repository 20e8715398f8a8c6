using System.Buffers.Binary;
using System.Text;
using Microsoft.Win32.SafeHandles;

namespace GuestMemFs.Holding.Tests.Luo;

/// <summary>
/// The typed API against a kernel of the tests' own: what is sent, byte by byte, and what each errno becomes. Against a
/// real kernel it runs in tests/KernelLab.
/// </summary>
public sealed class LuoTests
{
    private static readonly LuoKernelDouble s_willing = new();

    [Fact]
    public void A_session_is_asked_for_with_its_size_and_name()
    {
        var kernel = new LuoKernelDouble();
        using LuoDevice device = LuoDevice.Open(kernel);
        using LuoSession created = device.CreateSession("cache");
        using LuoSession retrieved = device.RetrieveSession(new string('n', 63));

        Assert.Equal([0xBA00u, 0xBA01u], kernel.Asked.Select(asked => asked.Request));
        Assert.All(kernel.Asked, asked => Assert.Equal(72, asked.Argument.Length));
        Assert.Equal("cache\0", Encoding.ASCII.GetString(kernel.Asked[0].Argument, 8, 6));
        Assert.Equal(new string('n', 63) + '\0', Encoding.ASCII.GetString(kernel.Asked[1].Argument, 8, 64));
        Assert.False(created.IsRetrieved);
        Assert.True(retrieved.IsRetrieved);
        Assert.False(created.Handle.IsInvalid);
    }

    [Fact]
    public void A_descriptor_goes_under_its_token_and_comes_back_under_it()
    {
        var kernel = new LuoKernelDouble();
        using LuoDevice device = LuoDevice.Open(kernel);
        using LuoSession session = device.CreateSession("cache");
        using SafeFileHandle file = File.OpenHandle("/dev/zero");
        session.Preserve(file, 0x1122334455667788);
        using SafeFileHandle back = session.Retrieve(7);
        session.Finish();

        (uint preserve, byte[] preserved) = kernel.Asked[1];
        Assert.Equal(0xBA40u, preserve);
        Assert.Equal(16, preserved.Length);
        Assert.Equal((int)file.DangerousGetHandle(), BinaryPrimitives.ReadInt32LittleEndian(preserved.AsSpan(4)));
        Assert.Equal(0x1122334455667788ul, BinaryPrimitives.ReadUInt64LittleEndian(preserved.AsSpan(8)));
        Assert.Equal((0xBA41u, 7ul), (kernel.Asked[2].Request,
            BinaryPrimitives.ReadUInt64LittleEndian(kernel.Asked[2].Argument.AsSpan(8))));
        Assert.False(back.IsInvalid);
        Assert.Equal(0xBA42u, kernel.Asked[3].Request);
        Assert.Equal([8, 0, 0, 0, 0, 0, 0, 0], kernel.Asked[3].Argument);
        Assert.Equal("told", session.AskName());
    }

    [Theory]
    [InlineData("")]
    [InlineData("much-too-long-a-name-for-a-session-of-the-live-update-orchestrator-in-linux")]
    [InlineData("häuser")]
    [InlineData("a\nb")]
    public void A_name_that_cannot_be_is_refused_before_the_kernel_is_asked(string name)
    {
        using LuoDevice device = LuoDevice.Open(s_willing);
        Assert.Throws<ArgumentException>(() => device.CreateSession(name));
    }

    [Theory]
    [InlineData(2, LuoErrorKind.Unavailable)]
    [InlineData(6, LuoErrorKind.Unavailable)]
    [InlineData(19, LuoErrorKind.Unavailable)]
    [InlineData(13, LuoErrorKind.Denied)]
    [InlineData(1, LuoErrorKind.Denied)]
    [InlineData(5, LuoErrorKind.HandoverDamaged)]
    [InlineData(16, LuoErrorKind.DeviceBusy)]
    [InlineData(71, LuoErrorKind.Other)]
    public void Each_errno_of_the_open_has_a_meaning(int errno, LuoErrorKind kind)
    {
        LuoException e = Assert.ThrowsAny<LuoException>(() =>
            LuoDevice.Open(new LuoKernelDouble { OpenResult = -errno }));
        Assert.Equal((kind, errno, "open"), (e.Kind, e.Errno, e.Operation));
        Assert.Equal(kind == LuoErrorKind.DeviceBusy, e is LuoDeviceBusyException);
    }

    [Theory]
    [InlineData(0xBA00, 17, LuoErrorKind.SessionExists)]
    [InlineData(0xBA00, 12, LuoErrorKind.NoRoom)]
    [InlineData(0xBA00, 25, LuoErrorKind.OtherInterface)]
    [InlineData(0xBA00, 7, LuoErrorKind.OtherInterface)]
    [InlineData(0xBA01, 2, LuoErrorKind.SessionMissing)]
    [InlineData(0xBA01, 22, LuoErrorKind.SessionRetrieved)]
    [InlineData(0xBA40, 17, LuoErrorKind.TokenUsed)]
    [InlineData(0xBA40, 16, LuoErrorKind.AlreadyPreserved)]
    [InlineData(0xBA40, 2, LuoErrorKind.NotPreservable)]
    [InlineData(0xBA40, 9, LuoErrorKind.BadDescriptor)]
    [InlineData(0xBA40, 95, LuoErrorKind.UnknownSeal)]
    [InlineData(0xBA40, 27, LuoErrorKind.TooLong)]
    [InlineData(0xBA40, 22, LuoErrorKind.WrongState)]
    [InlineData(0xBA40, 28, LuoErrorKind.NoRoom)]
    [InlineData(0xBA40, 75, LuoErrorKind.NoRoom)]
    [InlineData(0xBA41, 2, LuoErrorKind.TokenMissing)]
    [InlineData(0xBA41, 22, LuoErrorKind.WrongState)]
    [InlineData(0xBA41, 5, LuoErrorKind.HandoverDamaged)]
    [InlineData(0xBA42, 22, LuoErrorKind.WrongState)]
    [InlineData(0xBA42, 16, LuoErrorKind.WrongState)]
    [InlineData(0xBA43, 22, LuoErrorKind.OtherInterface)]
    [InlineData(0xBA43, 71, LuoErrorKind.Other)]
    public void Each_errno_of_a_request_has_a_meaning(int request, int errno, LuoErrorKind kind)
    {
        using LuoDevice device = LuoDevice.Open(
            new LuoKernelDouble { Result = asked => asked == request ? -errno : 0 });
        LuoException e = Assert.Throws<LuoException>(() =>
        {
            using LuoSession created = device.CreateSession("cache");
            using LuoSession retrieved = device.RetrieveSession("cache");
            using SafeFileHandle file = File.OpenHandle("/dev/zero");
            created.Preserve(file, 1);
            retrieved.Retrieve(1).Dispose();
            retrieved.Finish();
            retrieved.AskName();
        });
        Assert.Equal((kind, errno), (e.Kind, e.Errno));
        Assert.Contains(FormattableString.Invariant($"(errno {errno})"), e.Message, StringComparison.Ordinal);
        Assert.True(request == 0xBA43 || e.Message.Contains("cache", StringComparison.Ordinal));
    }

    [Fact]
    public void Who_has_a_file_open_is_named()
    {
        string path = Path.GetTempFileName();
        using var other = System.Diagnostics.Process.Start("sleep", "30");
        try
        {
            Assert.Null(Openers.Find(path));
            using (File.OpenRead(path))
            {
                Assert.Equal(Environment.ProcessId, Openers.Find(path));
            }
        }
        finally
        {
            other.Kill();
            File.Delete(path);
        }
    }

    [Theory]
    [InlineData("6.12.9-amd64", "kho=on liveupdate=on", false, "has no Live Update Orchestrator")]
    [InlineData("7.2.0-lab", "quiet", false, "The command line lacks kho=on liveupdate=on.")]
    [InlineData("7.2.0-lab", "kho=on", false, "The command line lacks liveupdate=on.")]
    [InlineData("7.2.0-lab", "kho=on liveupdate=on liveupdate=off", false, "The command line lacks liveupdate=on.")]
    [InlineData("7.2.0-lab", "kho=1 liveupdate=y", false,
        "There is no /dev/liveupdate although the command line asks for it.")]
    [InlineData("7.2.0-lab", "kho=on liveupdate=on", true, "")]
    public void What_is_missing_is_said_with_the_remedy(string release, string words, bool device, string expected)
    {
        DirectoryInfo root = Directory.CreateTempSubdirectory("luo-");
        try
        {
            root.CreateSubdirectory("proc/sys/kernel");
            root.CreateSubdirectory("dev");
            File.WriteAllText(Path.Combine(root.FullName, "proc/sys/kernel/osrelease"), release + "\n");
            File.WriteAllText(Path.Combine(root.FullName, "proc/cmdline"), words + " kho_scratch=64M,0,1g\n");
            if (device)
            {
                File.WriteAllText(Path.Combine(root.FullName, "dev/liveupdate"), "");
            }

            LuoSupport support = LuoSupport.Ask(root.FullName);
            Assert.Equal(device, support.IsAvailable);
            Assert.Contains(expected, support.Advice, StringComparison.Ordinal);
            Assert.Equal(device, support.Advice.Length == 0);
            Assert.Equal(new LuoScratch(64 << 20, 0, 1 << 30), support.Scratch);
        }
        finally
        {
            root.Delete(recursive: true);
        }
    }

    [Theory]
    [InlineData("kho_scratch=200%")]
    [InlineData("kho_scratch=64M,0")]
    [InlineData(null)]
    public void A_scratch_area_that_is_scaled_is_not_known(string? word) => Assert.Null(LuoScratch.Parse(word));

    [Fact]
    public void A_scratch_area_is_said_as_any_number_of_the_kernels() =>
        Assert.Equal(new LuoScratch(0x4000000, 1L << 40, 5 << 10), LuoScratch.Parse("kho_scratch=0x4000000,1T,5k"));
}
