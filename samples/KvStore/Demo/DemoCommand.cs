using System.Runtime.InteropServices;

namespace KvStore.Demo;

/// <summary>
/// The command <c>KvStore demo</c>: what it was asked for, its end on Ctrl-C, and what it leaves behind (nothing).
/// </summary>
internal static class DemoCommand
{
    private const int Failed = 1;
    private const int BadUsage = 2;
    private const int Interrupted = 130;

    /// <summary>
    /// Runs the demo. 0: every key was right. 1: it was not, or something failed. 2: bad arguments. 130: interrupted.
    /// </summary>
    /// <param name="arguments">What follows the word <c>demo</c>.</param>
    /// <param name="output">Where to tell it.</param>
    public static int Run(ReadOnlySpan<string> arguments, TextWriter? output = null)
    {
        bool terminal = output is null && !Console.IsOutputRedirected;
        output ??= Console.Out;
        DemoOptions options;
        try
        {
            if (arguments.Contains("--help") || arguments.Contains("-h"))
            {
                output.WriteLine(DemoOptions.Usage);
                return 0;
            }

            options = DemoOptions.Parse(arguments);
        }
        catch (FormatException e)
        {
            Console.Error.WriteLine(e.Message);
            return BadUsage;
        }

        return PlayUntilStopped(options, output, terminal);
    }

    /// <summary>Plays the demo; a signal ends its servers, and so the play.</summary>
    private static int PlayUntilStopped(DemoOptions options, TextWriter output, bool terminal)
    {
        using var stop = new CancellationTokenSource();
        using var scene = new Scene(output, terminal, stop.Token);
        using PosixSignalRegistration interrupt = StopOn(PosixSignal.SIGINT);
        using PosixSignalRegistration terminate = StopOn(PosixSignal.SIGTERM);
        using PosixSignalRegistration hangUp = StopOn(PosixSignal.SIGHUP);
        try
        {
            return Play(options, scene) ? 0 : Failed;
        }
        catch (Exception) when (stop.IsCancellationRequested)
        {
            // Whatever broke, broke because the servers were ended under it.
            output.WriteLine("\n   Interrupted.");
            return Interrupted;
        }
        catch (Exception e) when (e is IOException or InvalidOperationException or InvalidDataException
            or TimeoutException or UnauthorizedAccessException or GuestMemFs.MediumException
            or System.Net.Sockets.SocketException or System.ComponentModel.Win32Exception)
        {
            output.WriteLine($"\n   The demo failed: {e.Message}");
            return Failed;
        }

        PosixSignalRegistration StopOn(PosixSignal signal) => PosixSignalRegistration.Create(signal, context =>
        {
            context.Cancel = true;
            stop.Cancel();
            scene.EndServers();
        });
    }

    private static bool Play(DemoOptions options, Scene scene)
    {
        string? redis = options.WithRedis ? ServerProgram.Find("redis-server") : null;
        scene.Say("");
        scene.Say("KvStore: a Redis-protocol server whose memory outlives its process");
        var data = new Dataset(options.Keys, options.ValueLength, options.Seed);
        WarmRestart ours = WarmRestart.Play(options, data, scene);
        RedisReload? theirs = redis is null ? null : RedisReload.Play(redis, data, scene);
        if (theirs is null)
        {
            scene.Say(options.WithRedis ? "\n   redis-server is not installed: nothing to compare with." : "");
        }

        Summary.Write(scene, data, ours, theirs);
        return ours.AllRight;
    }
}
