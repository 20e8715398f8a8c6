using KvStore.Tests.Infrastructure;

namespace KvStore.Tests.Clients;

/// <summary>The clients of Node.js: scripts in <c>js/</c>, which assert, against the server under test.</summary>
public sealed class NodeClientTests
{
    [Fact]
    public void Ioredis_works() => Run("ioredis");

    [Theory]
    [InlineData("2")]
    [InlineData("3")]
    public void Node_redis_works(string protocol) => Run("redis", "node-redis", protocol);

    private static void Run(string package, string? script = null, params string[] more)
    {
        string node = Tool.Require("node");
        string modules = Environment.GetEnvironmentVariable("NODE_PATH") is { Length: > 0 } path ? path
            : InRepository();
        var environment = new Dictionary<string, string> { ["NODE_PATH"] = modules };
        bool installed = Tool.Run(node, ["-e", $"require('{package}')"], environment: environment).ExitCode == 0;
        Assert.SkipUnless(installed, $"The npm package {package} is not installed (npm install --prefix " +
            "artifacts/clients ioredis redis), so it was not tested.");

        using RunningServer server = TestServer.Start();
        string file = Path.Combine(AppContext.BaseDirectory, "Clients", "js", $"{script ?? package}.js");
        (int code, string output, string error) = Tool.Run(node, [file, $"{server.Port}", .. more],
            environment: environment);
        Assert.True(code == 0 && output.Contains("all right", StringComparison.Ordinal),
            $"{file} ended with {code}:\n{output}\n{error}\nThe server wrote:\n{server.Process.Output}");
    }

    private static string InRepository()
    {
        DirectoryInfo? directory = new(AppContext.BaseDirectory);
        while (directory is not null && !File.Exists(Path.Combine(directory.FullName, "GuestMemFs.sln")))
        {
            directory = directory.Parent;
        }

        return Path.Combine(directory?.FullName ?? AppContext.BaseDirectory, "artifacts", "clients", "node_modules");
    }
}
