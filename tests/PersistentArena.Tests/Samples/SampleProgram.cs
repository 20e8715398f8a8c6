using System.Diagnostics;

namespace GuestMemFs.Tests.Samples;

/// <summary>
/// A program of <c>samples/</c>, as the build of these tests made it; what it is told and says is lines.
/// </summary>
internal sealed class SampleProgram : IDisposable
{
    private readonly Process _process;

    public SampleProgram(string name, params string[] arguments)
    {
        // tests/PersistentArena.Tests/bin/CONFIGURATION/FRAMEWORK/
        var output = new DirectoryInfo(AppContext.BaseDirectory);
        string root = output.Parent!.Parent!.Parent!.Parent!.Parent!.FullName;
        string file = Path.Combine(root, "samples", name, "bin", output.Parent!.Name, output.Name, name);
        _process = Process.Start(new ProcessStartInfo(file, arguments)
        {
            RedirectStandardInput = true,
            RedirectStandardOutput = true,
        })!;
    }

    public string Read() => _process.StandardOutput.ReadLine() ?? throw new EndOfStreamException("It has ended.");

    public string ReadUntil(string beginning)
    {
        string line = Read();
        return line.StartsWith(beginning, StringComparison.Ordinal) ? line : ReadUntil(beginning);
    }

    public string Ask(string line)
    {
        _process.StandardInput.WriteLine(line);
        _process.StandardInput.Flush();
        return Read();
    }

    public void Kill()
    {
        _process.Kill(); // SIGKILL
        _process.WaitForExit();
    }

    /// <summary>Ends it as a service manager does; its exit status.</summary>
    public int Terminate()
    {
        using Process kill = Process.Start("kill", ["-TERM", _process.Id.ToString(null, null)]);
        _process.StandardOutput.ReadToEnd();
        _process.WaitForExit();
        return _process.ExitCode;
    }

    public void Dispose()
    {
        Kill();
        _process.Dispose();
    }
}
