using System.Reflection.Metadata;
using System.Reflection.Metadata.Ecma335;
using System.Reflection.PortableExecutable;
using System.Text;
using System.Xml.Linq;
using GuestMemFs.PackageTests.Infrastructure;

namespace GuestMemFs.PackageTests;

/// <summary>What lies in the packed file.</summary>
[Trait("Category", "Package")]
public sealed class PackageContentTests(PackedRepository packed) : IClassFixture<PackedRepository>
{
    private const byte CallOpcode = 0x28;

    private readonly Package _package = packed.Package;

    [Fact]
    public void It_carries_the_readme_the_documentation_and_the_licence()
    {
        XElement metadata = XDocument.Parse(Text(_package.Files[$"{Package.Id}.nuspec"])).Root!.Elements().Single();
        string Value(string name) => metadata.Elements().Single(e => e.Name.LocalName == name).Value;
        Assert.Equal(Package.Id, Value("id"));
        Assert.Equal("MIT", Value("license"));
        Assert.Equal("README.md", Value("readme"));
        Assert.NotEmpty(Value("description"));
        Assert.Equal(File.ReadAllBytes(Path.Combine(Repository.Root, "README.md")), _package.Files["README.md"]);

        XElement members = XDocument.Parse(Text(_package.Files[$"lib/net10.0/{Package.Id}.xml"])).Root!.Element(
            "members")!;
        XElement type = members.Elements().Single(m =>
            (string?)m.Attribute("name") == "T:GuestMemFs.PersistentDictionary");
        Assert.NotEmpty(type.Element("summary")!.Value.Trim());
    }

    [Fact]
    public void Every_dependency_is_a_runtime_one() => Assert.DoesNotContain("Analyzer\"",
        Text(_package.Files[$"{Package.Id}.nuspec"]), StringComparison.OrdinalIgnoreCase);

    [Fact]
    public void The_symbols_belong_to_the_assembly()
    {
        using var image = new PEReader(new MemoryStream(_package.Assembly));
        using MetadataReaderProvider symbols = MetadataReaderProvider.FromPortablePdbStream(
            new MemoryStream(_package.Symbols));
        CodeViewDebugDirectoryData link = image.ReadCodeViewDebugDirectoryData(
            image.ReadDebugDirectory().Single(d => d.Type == DebugDirectoryEntryType.CodeView));
        Assert.Equal(link.Guid, new BlobContentId(symbols.GetMetadataReader().DebugMetadataHeader!.Id).Guid);
        Assert.StartsWith("/_/", link.Path, StringComparison.Ordinal);
    }

    /// <summary>
    /// Invariants are looked at in tests; a package has neither the calls nor what they would work out.
    /// </summary>
    [Fact]
    public void It_calls_no_invariant()
    {
        using var image = new PEReader(new MemoryStream(_package.Assembly));
        MetadataReader reader = image.GetMetadataReader();
        MethodDefinitionHandle holds = Assert.Single(reader.MethodDefinitions, one => NameOf(one) == "Invariant.Holds");
        byte[] call = [CallOpcode, .. BitConverter.GetBytes(MetadataTokens.GetToken(holds))];

        var callers = reader.MethodDefinitions.Where(one => Body(one).AsSpan().IndexOf(call) >= 0).Select(NameOf);

        Assert.Empty(callers);

        string NameOf(MethodDefinitionHandle handle)
        {
            MethodDefinition method = reader.GetMethodDefinition(handle);
            TypeDefinition type = reader.GetTypeDefinition(method.GetDeclaringType());
            return $"{reader.GetString(type.Name)}.{reader.GetString(method.Name)}";
        }

        byte[] Body(MethodDefinitionHandle handle)
        {
            int address = reader.GetMethodDefinition(handle).RelativeVirtualAddress;
            return address == 0 ? [] : image.GetMethodBody(address).GetILBytes() ?? [];
        }
    }

    [Fact]
    public void It_names_no_path_of_the_machine_that_built_it() => AssertNoPaths(_package, Repository.Root);

    internal static void AssertNoPaths(Package package, string sources)
    {
        using MetadataReaderProvider symbols = MetadataReaderProvider.FromPortablePdbStream(
            new MemoryStream(package.Symbols));
        MetadataReader reader = symbols.GetMetadataReader();
        string[] documents = [.. reader.Documents.Select(d => reader.GetString(reader.GetDocument(d).Name))];
        Assert.NotEmpty(documents);
        Assert.All(documents, d => Assert.StartsWith("/_/", d, StringComparison.Ordinal));

        string home = Environment.GetFolderPath(Environment.SpecialFolder.UserProfile);
        foreach ((string name, byte[] content) in package.Files.Concat(package.SymbolFiles))
        {
            foreach (string path in new[] { sources, Path.Combine(home, ".nuget") })
            {
                Assert.True(
                    content.AsSpan().IndexOf(Encoding.UTF8.GetBytes(path)) < 0
                        && content.AsSpan().IndexOf(Encoding.Unicode.GetBytes(path)) < 0,
                    $"{name} names {path}");
            }
        }
    }

    private static string Text(byte[] content) => Encoding.UTF8.GetString(content).TrimStart('\uFEFF');
}
