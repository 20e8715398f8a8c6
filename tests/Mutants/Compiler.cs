using System.Diagnostics;
using System.Text.Json;

namespace GuestMemFs.Mutants;

/// <summary>
/// Compiles a project as its build does, with one source in place of another: the build's own arguments, without
/// analyzers of style.
/// </summary>
internal sealed class Compiler
{
    private static readonly string[] s_styleAnalyzers = ["NetAnalyzers", "CodeStyle", "Meziantou", "BannedApiAnalyzers",
        "xunit.analyzers"];

    private readonly string _folder;
    private readonly string _compiler;
    private readonly string[] _arguments;
    private readonly Rewriter? _rewriter;

    private Compiler(string folder, string compiler, string[] arguments, Rewriter? rewriter)
    {
        _rewriter = rewriter;
        _folder = folder;
        _compiler = compiler;
        _arguments = arguments;
    }

    /// <summary>Asks the build of a project how it compiles.</summary>
    public static Compiler Of(string root, string project)
    {
        string folder = Path.Combine(root, project);
        string[] asks =
        [
            "msbuild", "-p:Configuration=Release", "-p:ProvideCommandLineArgs=true", "-p:SkipCompilerExecution=true",
            "-p:BuildProjectReferences=false", "-p:NonExistentFile=none/none", "-t:Compile",
            "-getItem:CscCommandLineArgs",
        ];
        string json = Programs.Run("dotnet", folder, asks);
        JsonElement items = JsonDocument.Parse(json[json.IndexOf('{',
            StringComparison.Ordinal)..]).RootElement.GetProperty("Items").GetProperty("CscCommandLineArgs");
        string[] arguments = [.. items.EnumerateArray().Select(item => item.GetProperty("Identity").GetString()!).Where(
            IsWanted)];
        string compiler = Path.Combine(items[0].GetProperty("DefiningProjectDirectory").GetString()!,
            "bincore/csc.dll");
        return new Compiler(folder, compiler, arguments, Rewriter.Of(root, folder));
    }

    /// <summary>
    /// Compiles with <paramref name="changed"/> in place of <paramref name="source"/>; false where that does not
    /// compile, null where this project cannot have it.
    /// </summary>
    public bool? TryCompile(string source, string changed, string output)
    {
        string text = changed;
        if (_rewriter is not null && _rewriter.CompiledFor(source) != source)
        {
            if (_rewriter.Rewrite(_rewriter.FileOf(source), changed) is not { } rewritten)
            {
                return null;
            }

            (source, text) = (_rewriter.CompiledFor(source), rewritten);
        }

        string replacement = Path.ChangeExtension(output, ".changed.cs");
        File.WriteAllText(replacement, text);
        string[] arguments =
            [.. _arguments.Select(argument => IsFile(argument, source) ? replacement : argument), $"/out:{output}"];
        string responses = Path.ChangeExtension(output, ".rsp");
        File.WriteAllLines(responses, arguments.Where(argument => argument is not "/noconfig")
            .Select(argument => argument.StartsWith('/') ? argument : $"\"{argument}\""));

        // A compiler server of its own: one that is started here has this program's low priority.
        string[] line = ["exec", _compiler, "/shared:gmf-mutants", "/noconfig", $"@{responses}"];
        ProcessStartInfo start = new("dotnet", line) { WorkingDirectory = _folder, RedirectStandardOutput = true };
        using Process process = Process.Start(start)!;
        process.StandardOutput.ReadToEnd();
        process.WaitForExit();
        return process.ExitCode == 0;
    }

    private bool IsFile(string argument, string source) =>
        argument.EndsWith(".cs", StringComparison.Ordinal)
            && Path.GetFullPath(Path.Combine(_folder, argument)) == source;

    private static bool IsWanted(string argument) =>
        !(argument.StartsWith("/analyzer:", StringComparison.Ordinal)
            && s_styleAnalyzers.Any(name => argument.Contains(name, StringComparison.OrdinalIgnoreCase)))
        && !argument.StartsWith("/out:", StringComparison.Ordinal)
        && !argument.StartsWith("/refout:", StringComparison.Ordinal)
        && !argument.StartsWith("/doc:", StringComparison.Ordinal)
        && !argument.StartsWith("/pdb:", StringComparison.Ordinal)
        && !argument.StartsWith("/warnaserror", StringComparison.Ordinal)
        && !argument.StartsWith("/generatedfilesout", StringComparison.Ordinal);
}
