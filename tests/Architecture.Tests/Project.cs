using System.Xml.Linq;

namespace GuestMemFs.Architecture;

/// <summary>A project of the product: its folder, its assembly, the projects it references.</summary>
/// <param name="Folder">Its folder.</param>
/// <param name="Assembly">Its assembly's name.</param>
/// <param name="IsProgram">False for a library.</param>
/// <param name="IsWeb">True for one of ASP.NET's, which sees more namespaces by itself.</param>
/// <param name="References">The folders of the projects it references.</param>
/// <param name="Shared">Files of other projects that it compiles too.</param>
internal sealed record Project(
    string Folder,
    string Assembly,
    bool IsProgram,
    bool IsWeb,
    IReadOnlyList<string> References,
    IReadOnlyList<string> Shared)
{
    private static readonly string[] s_places = ["src", "samples"];

    /// <summary>All projects of the product, each after those it references.</summary>
    public static IReadOnlyList<Project> All { get; } = Load();

    /// <summary>The project that a file lies in.</summary>
    public static Project Of(string file) =>
        All.First(project => file.StartsWith(project.Folder + "/", StringComparison.Ordinal));

    private static List<Project> Load()
    {
        var waiting = s_places.SelectMany(place => Repository.Files(place, "*.csproj")).Select(Read).ToList();
        var loaded = new List<Project>();
        while (waiting.Count > 0)
        {
            Project next = waiting.First(project =>
                project.References.All(name => loaded.Exists(done => done.Folder == name)));
            waiting.Remove(next);
            loaded.Add(next);
        }

        return loaded;
    }

    private static Project Read(string path)
    {
        string folder = Path.GetDirectoryName(path)!;
        XDocument file = XDocument.Parse(Repository.Text(path));
        string assembly = file.Descendants("AssemblyName").FirstOrDefault()?.Value
            ?? Path.GetFileNameWithoutExtension(path);
        var references = file.Descendants("ProjectReference").Where(reference =>
            reference.Attribute("OutputItemType") is null)
            .Select(reference => Path.GetDirectoryName(reference.Attribute("Include")!.Value)!)
            .Select(relative => Path.GetRelativePath(Repository.Root,
                Path.GetFullPath(Path.Combine(Repository.Root, folder, relative))));
        bool isWeb = file.Root!.Attribute("Sdk")?.Value == "Microsoft.NET.Sdk.Web";
        bool isProgram = file.Descendants("OutputType").FirstOrDefault()?.Value == "Exe";
        var shared = file.Descendants("Compile").Select(item => item.Attribute("Include")?.Value)
            .OfType<string>()
            .Select(relative => Path.GetFullPath(Path.Combine(Repository.Root, folder, relative)))
            .Select(full => Path.GetRelativePath(Repository.Root, full));
        return new Project(folder, assembly, isProgram, isWeb, [.. references], [.. shared]);
    }
}
