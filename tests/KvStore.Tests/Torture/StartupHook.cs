using KvStore.Engine;
using KvStore.Tests.Torture;
using Microsoft.Win32.SafeHandles;

/// <summary>
/// Runs in the server's process before its Main, where DOTNET_STARTUP_HOOKS names this assembly, and gives it a clock
/// that a test holds.
/// </summary>
#pragma warning disable CA1050 // The runtime looks for a class of this name outside of all namespaces.
internal static class StartupHook
#pragma warning restore CA1050
{
    public static void Initialize()
    {
        if (Environment.GetEnvironmentVariable(MovableClock.Variable) is { Length: > 0 } path)
        {
            WallClock.Source = new TimeOfFile(path);
        }
    }

    private sealed class TimeOfFile(string path) : TimeProvider
    {
        private readonly SafeFileHandle _file = File.OpenHandle(path, FileMode.Open, FileAccess.Read,
            FileShare.ReadWrite);

        public override DateTimeOffset GetUtcNow() =>
            DateTimeOffset.FromUnixTimeMilliseconds(
                MovableClock.Read(_file, System.GetUtcNow().ToUnixTimeMilliseconds()));
    }
}
