using System.IO.Compression;

namespace GuestMemFs.PackageTests.Infrastructure;

/// <summary>
/// GuestMemFs.PersistentArena, packed from a tree of sources with <c>dotnet pack</c>, and its symbols; the adapters lie
/// beside it.
/// </summary>
internal sealed class Package
{
    public const string Id = "GuestMemFs.PersistentArena";

    private static readonly string[] s_projects = ["PersistentArena", Path.Combine("Adapters", "Holding"),
        Path.Combine("Adapters", "VirtualMachines"), Path.Combine("Adapters", "LiveUpdate"),
        Path.Combine("Adapters", "Serialization.MemoryPack"), Path.Combine("Adapters", "Serialization.MessagePack"),
        Path.Combine("Adapters", "Caching")];

    private Package(string folder)
    {
        Folder = folder;
        File = Assert.Single(Directory.GetFiles(folder, $"{Id}.*.nupkg"));
        Version = Path.GetFileNameWithoutExtension(File)[(Id.Length + 1)..];
        Files = Unpack(File);
        SymbolFiles = Unpack(Path.ChangeExtension(File, ".snupkg"));
    }

    /// <summary>The folder with the packed files: a package source.</summary>
    public string Folder { get; }

    public string File { get; }

    public string Version { get; }

    public IReadOnlyDictionary<string, byte[]> Files { get; }

    public IReadOnlyDictionary<string, byte[]> SymbolFiles { get; }

    public byte[] Assembly => Files[$"lib/net10.0/{Id}.dll"];

    public byte[] Symbols => SymbolFiles[$"lib/net10.0/{Id}.pdb"];

    public static async Task<Package> Pack(string sources, string folder)
    {
        foreach (string project in s_projects)
        {
            await Dotnet.Run(sources, "pack", Path.Combine("src", project), "-c", "Release", "-o", folder, "-v",
                "quiet", "-nologo");
        }

        return new Package(folder);
    }

    private static Dictionary<string, byte[]> Unpack(string file)
    {
        using ZipArchive archive = ZipFile.OpenRead(file);
        var files = new Dictionary<string, byte[]>();
        foreach (ZipArchiveEntry entry in archive.Entries)
        {
            using Stream content = entry.Open();
            using var bytes = new MemoryStream();
            content.CopyTo(bytes);
            files.Add(entry.FullName, bytes.ToArray());
        }

        return files;
    }
}
