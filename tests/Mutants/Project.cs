using System.Collections.Immutable;
using System.Reflection;
using System.Text.Json;
using Microsoft.CodeAnalysis;
using Microsoft.CodeAnalysis.CSharp;
using Microsoft.CodeAnalysis.Diagnostics;

namespace GuestMemFs.Mutants;

/// <summary>
/// A project as its build compiles it: the build's own arguments and source generators, without warnings and analyzers.
/// </summary>
internal sealed class Project
{
    private readonly CSharpCommandLineArguments _arguments;

    private Project(CSharpCommandLineArguments arguments, CSharpCompilation compilation)
    {
        _arguments = arguments;
        Compilation = compilation;
    }

    /// <summary>All sources, those that the generators made among them.</summary>
    public CSharpCompilation Compilation { get; }

    public CSharpParseOptions ParseOptions => _arguments.ParseOptions;

    /// <summary>Asks the build of a project how it compiles.</summary>
    public static Project Of(string root, string project)
    {
        string folder = Path.Combine(root, project);
        string[] asks =
        [
            "msbuild", "-p:Configuration=Release", "-p:ProvideCommandLineArgs=true", "-p:SkipCompilerExecution=true",
            "-p:BuildProjectReferences=false", "-p:NonExistentFile=none/none", "-t:Compile", "-p:Invariants=true",
            "-getItem:CscCommandLineArgs",
        ];
        string json = Programs.Run("dotnet", folder, asks);
        JsonElement items = JsonDocument.Parse(json[json.IndexOf('{',
            StringComparison.Ordinal)..]).RootElement.GetProperty("Items").GetProperty("CscCommandLineArgs");
        string[] line = [.. items.EnumerateArray().Select(item => item.GetProperty("Identity").GetString()!)];
        CSharpCommandLineArguments arguments = CSharpCommandLineParser.Default.Parse(line, folder, null);
        CSharpCompilation written = CSharpCompilation.Create(
            arguments.CompilationName,
            arguments.SourceFiles.Select(file => Parse(file.Path, arguments)),
            arguments.MetadataReferences.Select(one => MetadataReference.CreateFromFile(
                Path.Combine(folder, one.Reference), one.Properties)),
            arguments.CompilationOptions.WithGeneralDiagnosticOption(ReportDiagnostic.Default)
                .WithSpecificDiagnosticOptions([]));
        ISourceGenerator[] generators = [.. arguments.AnalyzerReferences
            .Where(one => !one.FilePath.Contains("roslyn3", StringComparison.Ordinal))
            .SelectMany(one => new AnalyzerFileReference(Path.Combine(folder, one.FilePath), new Loader())
                .GetGenerators(LanguageNames.CSharp))];
        CSharpGeneratorDriver.Create(generators, parseOptions: arguments.ParseOptions)
            .RunGeneratorsAndUpdateCompilation(written, out Compilation generated, out _);
        return new Project(arguments, (CSharpCompilation)generated);
    }

    /// <summary>Makes the assembly; false where it does not compile.</summary>
    public bool TryEmit(CSharpCompilation compilation, string path, out ImmutableArray<Diagnostic> diagnostics)
    {
        using FileStream file = File.Create(path);
        var result = compilation.Emit(file, manifestResources: _arguments.ManifestResources,
            options: _arguments.EmitOptions.WithDebugInformationFormat(
                Microsoft.CodeAnalysis.Emit.DebugInformationFormat.Embedded));
        diagnostics = [.. result.Diagnostics.Where(one => one.Severity == DiagnosticSeverity.Error)];
        return result.Success;
    }

    /// <summary>Whether it compiles with one source replaced.</summary>
    public bool Compiles(string path, string source)
    {
        SyntaxTree old = Compilation.SyntaxTrees.Single(tree => Path.GetFullPath(tree.FilePath) == path);
        SyntaxTree changed = CSharpSyntaxTree.ParseText(source, ParseOptions, path);
        return !Compilation.ReplaceSyntaxTree(old, changed).GetSemanticModel(changed).GetDiagnostics()
            .Any(one => one.Severity == DiagnosticSeverity.Error);
    }

    private static SyntaxTree Parse(string path, CSharpCommandLineArguments arguments) => CSharpSyntaxTree.ParseText(
        File.ReadAllText(path), arguments.ParseOptions, path, System.Text.Encoding.UTF8);

    private sealed class Loader : IAnalyzerAssemblyLoader
    {
        public void AddDependencyLocation(string fullPath)
        {
        }

        public Assembly LoadFromPath(string fullPath) => Assembly.LoadFrom(fullPath);
    }
}
