using KvStore.Tests.Infrastructure;

namespace KvStore.Tests.Life;

/// <summary>What another user of the machine prepared is not served.</summary>
public sealed class SecondUserTests
{
    private const string Stranger = "65534";

    [Fact]
    public void A_store_in_another_users_directory_is_not_served()
    {
        Assert.SkipUnless(Environment.IsPrivilegedProcess, "takes root, to be somebody else");
        Assert.SkipUnless(File.Exists("/usr/bin/setpriv"), "setpriv(1) is not there (package util-linux)");
        using var directory = new TemporaryDirectory();
        string arena = Path.Combine(directory.Path, "kv");
        Assert.Equal(0, Tool.Run("chmod", ["1777", directory.Path]).ExitCode);
        string[] make = ["--reuid=" + Stranger, "--clear-groups", "mkdir", "--mode=777", arena];
        Assert.Equal(0, Tool.Run("setpriv", make).ExitCode);
        string socket = Path.Combine(directory.Path, "s");

        (int exitCode, _, string error) = Tool.Run(
            TestServer.KvStorePath, ["--port", "0", "--unixsocket", socket, "--size", "64M", "--arena", arena]);

        Assert.Equal(1, exitCode);
        Assert.Contains("GMF1017", error, StringComparison.Ordinal);
        Assert.Contains($"({Stranger})", error, StringComparison.Ordinal);
        Assert.Contains("--trust-owner USER", error, StringComparison.Ordinal);
        Assert.Empty(Directory.EnumerateFileSystemEntries(arena));
    }
}
