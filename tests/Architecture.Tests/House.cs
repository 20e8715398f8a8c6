using System.Globalization;
using System.Text;
using Microsoft.CodeAnalysis;
using Microsoft.CodeAnalysis.CSharp;
using Microsoft.CodeAnalysis.CSharp.Syntax;

namespace GuestMemFs.Architecture;

/// <summary>The product's sources, bound: every name of a file, and the file that declares it.</summary>
internal static class House
{
    private const string ImplicitUsings =
        "global using System; global using System.IO; global using System.Linq; global using System.Net.Http; "
        + "global using System.Threading; global using System.Threading.Tasks; global using " +
        "System.Collections.Generic;";

    private const string WebUsings =
        "global using System.Net.Http.Json; global using Microsoft.AspNetCore.Builder; "
        + "global using Microsoft.AspNetCore.Hosting; global using Microsoft.AspNetCore.Http; "
        + "global using Microsoft.AspNetCore.Routing; global using Microsoft.Extensions.Configuration; "
        + "global using Microsoft.Extensions.DependencyInjection; global using Microsoft.Extensions.Hosting; "
        + "global using Microsoft.Extensions.Logging;";

    private static readonly CSharpParseOptions s_parse =
        new(LanguageVersion.Preview, preprocessorSymbols: ["NET", "NET10_0", "NET10_0_OR_GREATER"]);

    private static readonly Lazy<IReadOnlyList<CSharpCompilation>> s_compilations = new(Compile);
    private static readonly Lazy<IReadOnlyList<Arrow>> s_arrows = new(FindArrows);

    public static IReadOnlyList<Arrow> Arrows => s_arrows.Value;

    /// <summary>The syntax trees of the product's own files.</summary>
    public static IEnumerable<SyntaxTree> Trees => s_compilations.Value.SelectMany(Own);

    /// <summary>A tree's file, relative to the repository's root.</summary>
    public static string FileOf(SyntaxTree tree) => tree.FilePath;

    /// <summary>
    /// What the compiler did not understand, but for what source generators would add: then arrows would be missing.
    /// </summary>
    public static IEnumerable<Diagnostic> Errors =>
        s_compilations.Value.SelectMany(compilation => compilation.GetDiagnostics())
        .Where(diagnostic => diagnostic.Severity == DiagnosticSeverity.Error && !IsOfGenerators(diagnostic));

    // Bodies of partial methods and what they assign; members of a JsonSerializerContext; Main.
    private static bool IsOfGenerators(Diagnostic error) =>
        error.Id is "CS8795" or "CS0165" or "CS0170" or "CS0534" or "CS0535" or "CS5001"
        || (error.Id is "CS0117" or "CS7036" or "CS1729"
            && error.GetMessage(CultureInfo.InvariantCulture).Contains("Json", StringComparison.Ordinal));

    private static List<CSharpCompilation> Compile()
    {
        var own = Project.All.Select(project => project.Assembly).Append(typeof(House).Assembly.GetName().Name)
            .ToHashSet(StringComparer.Ordinal);
        var packages = ((string)AppContext.GetData("TRUSTED_PLATFORM_ASSEMBLIES")!).Split(':')
            .Where(path => !own.Contains(Path.GetFileNameWithoutExtension(path)))
            .Select(path => (MetadataReference)MetadataReference.CreateFromFile(path))
            .ToList();
        var done = new Dictionary<string, CSharpCompilation>(StringComparer.Ordinal);
        foreach (Project project in Project.All)
        {
            var trees = Repository.Sources(project.Folder).Concat(project.Shared)
                .Select(path => CSharpSyntaxTree.ParseText(Repository.Text(path), s_parse, path, Encoding.UTF8))
                .Append(CSharpSyntaxTree.ParseText(ImplicitUsings + (project.IsWeb ? WebUsings : ""), s_parse))
                .Append(CSharpSyntaxTree.ParseText(VisibleToAll(), s_parse));
            OutputKind kind = project.IsProgram ? OutputKind.ConsoleApplication : OutputKind.DynamicallyLinkedLibrary;
            var options = new CSharpCompilationOptions(kind, allowUnsafe: true,
                nullableContextOptions: NullableContextOptions.Enable);
            done[project.Folder] = CSharpCompilation.Create(project.Assembly, trees,
                packages.Concat(Used(project, done)), options);
        }

        return [.. done.Values];
    }

    // What a project's references reach comes with them, as in a build.
    private static IEnumerable<MetadataReference> Used(Project project, Dictionary<string, CSharpCompilation> done)
    {
        var all = new HashSet<string>(StringComparer.Ordinal);
        var waiting = new Queue<string>(project.References);
        while (waiting.TryDequeue(out string? folder))
        {
            if (all.Add(folder))
            {
                Project.All.First(other => other.Folder == folder).References.ToList().ForEach(waiting.Enqueue);
            }
        }

        return all.Select(folder => (MetadataReference)done[folder].ToMetadataReference());
    }

    // Internals are visible here, so that who reaches for them is found and not merely an error.
    private static string VisibleToAll() =>
        string.Concat(Project.All.Select(project =>
            $"[assembly: System.Runtime.CompilerServices.InternalsVisibleTo(\"{project.Assembly}\")]"));

    // A file that several projects compile counts with the one that it lies in.
    private static IEnumerable<SyntaxTree> Own(CSharpCompilation compilation) => compilation.SyntaxTrees
        .Where(tree => tree.FilePath.Length > 0 && Project.Of(tree.FilePath).Assembly == compilation.AssemblyName);

    private static List<Arrow> FindArrows()
    {
        var arrows = new HashSet<Arrow>();
        foreach (CSharpCompilation compilation in s_compilations.Value)
        {
            foreach (SyntaxTree tree in Own(compilation))
            {
                SemanticModel model = compilation.GetSemanticModel(tree);
                foreach (SimpleNameSyntax name in tree.GetRoot().DescendantNodes().OfType<SimpleNameSyntax>())
                {
                    if (Declared(model, name) is { } symbol && DeclaringFile(symbol, tree.FilePath) is { } file
                        && file != tree.FilePath)
                    {
                        arrows.Add(new Arrow(tree.FilePath, file, NameOf(symbol), IsPublic(symbol)));
                    }
                }
            }
        }

        return [.. arrows];
    }

    private static ISymbol? Declared(SemanticModel model, SimpleNameSyntax name)
    {
        SymbolInfo info = model.GetSymbolInfo(name);
        ISymbol? symbol = info.Symbol ?? info.CandidateSymbols.FirstOrDefault();
        if (symbol is IMethodSymbol method)
        {
            symbol = method.ReducedFrom ?? method;
        }

        return symbol is INamedTypeSymbol or IMethodSymbol or IPropertySymbol or IFieldSymbol or IEventSymbol
            ? symbol.OriginalDefinition : null;
    }

    private static string? DeclaringFile(ISymbol symbol, string from)
    {
        var files = symbol.DeclaringSyntaxReferences.Select(reference => reference.SyntaxTree.FilePath).Where(path =>
            path.Length > 0).ToList();
        if (files.Count == 0 && symbol.ContainingType is { } type)
        {
            files = [.. type.DeclaringSyntaxReferences.Select(reference => reference.SyntaxTree.FilePath).Where(path =>
                path.Length > 0)];
        }

        return files.Contains(from) ? from : files.MinBy(path => path.Length);
    }

    private static string NameOf(ISymbol symbol) =>
        symbol is INamedTypeSymbol ? symbol.Name : $"{symbol.ContainingType?.Name}.{symbol.Name}";

    private static bool IsPublic(ISymbol symbol)
    {
        for (ISymbol? at = symbol; at is not null and not INamespaceSymbol; at = at.ContainingSymbol)
        {
            if (at.DeclaredAccessibility is not (Accessibility.Public or Accessibility.Protected
                or Accessibility.ProtectedOrInternal or Accessibility.NotApplicable))
            {
                return false;
            }
        }

        return true;
    }
}
