using System.Collections;
using KvStore.Engine;
using KvStore.Server;
using KvStore.Tests.Infrastructure;

namespace KvStore.Tests.Server;

public sealed class OptionsTests
{
    [Fact]
    public void The_command_line_wins_over_the_environment_and_that_over_the_file()
    {
        using var directory = new TemporaryDirectory();
        string file = Path.Combine(directory.Path, "kvstore.conf");
        File.WriteAllText(file, "# a comment\n\nport 1111\nmaxclients 11\n  requirepass \"a b\"\nsize 64mb\n");
        var environment = new Hashtable { ["KVSTORE_PORT"] = "2222", ["KVSTORE_MAXCLIENTS"] = "22",
            ["KVSTORE_CONFIG"] = file };
        ServerOptions options = OptionsParser.Parse(["--port", "3333", "--unixsocket=/tmp/x"], environment);
        Assert.Equal((3333, 22, "a b", 64L << 20, "/tmp/x"),
            (options.Port, options.MaxClients, options.RequirePass, options.Size, options.UnixSocket));
    }

    [Theory]
    [InlineData("--port 70000", "--port 70000: argument must be between 0 and 65535 inclusive")]
    [InlineData("--port abc", "--port abc: argument couldn't be parsed into an integer")]
    [InlineData("--size 1", "--size 1: argument must be between 2097152 and 140737488355328 inclusive")]
    [InlineData("--size 4X", "--size 4X: argument must be a memory value")]
    [InlineData("--bogus 1", "--bogus is not an option; --help lists them")]
    [InlineData("--trust-owner no.body", "--trust-owner no.body: argument must be a user's name or number")]
    [InlineData(
        "--numa bind:1-0",
        "--numa bind:1-0: argument must be bind:, interleave: or preferred: and nodes as 0-1,3, or none")]
    [InlineData("--port", "--port needs a value")]
    [InlineData("port 1", "'port' is not an option; --help lists them")]
    [InlineData("--port 0", "--port 0 without --unixsocket: there would be nothing to listen on")]
    [InlineData("--config /nowhere/at/all",
        "--config /nowhere/at/all: Could not find a part of the path '/nowhere/at/all'.")]
    public void A_bad_option_is_one_line_and_exit_code_2(string line, string message)
    {
        (int exitCode, string output, string error) = Tool.Run(TestServer.KvStorePath, line.Split(' '));
        Assert.Equal((2, "", $"KvStore: {message}\n"), (exitCode, output, error));
    }

    [Theory]
    [InlineData("1024", 1024)]
    [InlineData("4G", 4L << 30)]
    [InlineData("512mb", 512L << 20)]
    [InlineData("1k", 1024)]
    public void Sizes_have_units(string text, long bytes)
    {
        Assert.True(ByteSize.TryParse(text, out long value));
        Assert.Equal(bytes, value);
    }
}
