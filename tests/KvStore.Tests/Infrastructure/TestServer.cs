using KvStore.Demo;

namespace KvStore.Tests.Infrastructure;

/// <summary>
/// The server under test: KvStore's own executable, as the build puts it beside the tests. <c>GMF_TEST_SERVER</c> names
/// another one, a KvStore that was published or a <c>redis-server</c>, against which the tests themselves are proved:
/// what Redis does not do, they must not ask for.
/// </summary>
/// <remarks>redis-server 7.0 passes the torture only about fifty kills long: then one has cut a transaction in its
/// append-only file, the next load says "MULTI calls can not be nested", and the checker finds what that
/// lost.</remarks>
internal static class TestServer
{
    private static readonly string s_path =
        Environment.GetEnvironmentVariable("GMF_TEST_SERVER") is { Length: > 0 } path ? path
            : System.IO.Path.Combine(AppContext.BaseDirectory, "KvStore");

    private static readonly Lazy<string> s_clock = new(BuildClock);

    /// <summary>True where the tests run against redis-server.</summary>
    public static bool IsRedis { get; } = System.IO.Path.GetFileName(s_path).StartsWith("redis-server",
        StringComparison.Ordinal);

    /// <summary>KvStore: the one under test, or the build's where that is redis-server.</summary>
    public static string KvStorePath => IsRedis ? System.IO.Path.Combine(AppContext.BaseDirectory, "KvStore") : s_path;

    /// <summary>True where the program is native: it has no assembly beside it.</summary>
    public static bool IsNative { get; } = !IsRedis && !File.Exists(s_path + ".dll");

    /// <summary>Which program is tested, and what it is.</summary>
    public static string Description => $"server under test: {s_path} " +
        $"({(IsRedis ? "redis-server" : IsNative ? "native program" : "for the .NET runtime")})";

    /// <summary>The executable.</summary>
    public static string Path => s_path;

    /// <summary>
    /// The program, with an arena of that size. redis-server stands in with an append-only file, which keeps what was
    /// acknowledged over SIGKILL.
    /// </summary>
    public static ServerProgram Program(string size = "512M") =>
        IsRedis ? ServerProgram.Redis(s_path, "--appendonly", "yes", "--appendfsync", "no",
            "--auto-aof-rewrite-percentage", "0") : ServerProgram.KvStore(s_path, "--size", size);

    /// <summary>
    /// The program with a clock that a test holds: the file of a <see cref="Torture.MovableClock"/>, read in place of
    /// the machine's clock.
    /// </summary>
    /// <remarks>
    /// The runtime calls a hook before Main. A native program knows no hooks, so there the C library's clock is another
    /// one.
    /// </remarks>
    public static ServerProgram WithClock(ServerProgram program, string path) => program with
    {
        Environment = new Dictionary<string, string>(program.Environment)
        {
            [IsNative ? "LD_PRELOAD" : "DOTNET_STARTUP_HOOKS"] = IsNative ? s_clock.Value
                : typeof(TestServer).Assembly.Location,
            [Torture.MovableClock.Variable] = path,
        },
    };

    private static string BuildClock()
    {
        string? compiler = ServerProgram.Find("gcc") ?? ServerProgram.Find("clang");
        Assert.SkipWhen(compiler is null,
            "There is no C compiler (gcc or clang) to make a clock for the native program with.");
        string library = System.IO.Path.Combine(AppContext.BaseDirectory, "clock.so");
        (int exitCode, _, string error) = Tool.Run(
            compiler, ["-shared", "-fPIC", "-O2", "-Wall", "-Werror", "-o", library,
                System.IO.Path.Combine(AppContext.BaseDirectory, "Torture", "clock.c")]);
        Assert.True(exitCode == 0, error);
        return library;
    }

    /// <summary>Starts it in a fresh directory and waits until it answers.</summary>
    public static RunningServer Start(string size = "512M") => new(Program(size));
}
