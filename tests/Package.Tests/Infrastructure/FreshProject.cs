using System.Xml.Linq;

namespace GuestMemFs.PackageTests.Infrastructure;

/// <summary>A console project of a user, outside the repository, that references the packed file by its version.</summary>
internal sealed class FreshProject : IDisposable
{
    private readonly TemporaryDirectory _directory = new();

    /// <param name="package">The library; its folder has the adapters too.</param>
    /// <param name="program">The program's only source.</param>
    /// <param name="referenced">The package that is referenced.</param>
    public FreshProject(Package package, string program, string referenced = Package.Id)
    {
        // Only these packages come from the folder; a package cache of its own keeps an earlier one of the same version out, and the
        // machine's cache saves fetching the others again.
        Write("nuget.config", $"""
            <configuration>
              <packageSources><add key="local" value="{package.Folder}" /></packageSources>
              <fallbackPackageFolders>{(Directory.Exists(MachineCache) ? $"""<add key="machine" value="{MachineCache}" />""" : "")}</fallbackPackageFolders>
            </configuration>
            """);
        Write("App.csproj", $"""
            <Project Sdk="Microsoft.NET.Sdk">
              <PropertyGroup>
                <OutputType>Exe</OutputType>
                <TargetFramework>net10.0</TargetFramework>
                <ImplicitUsings>enable</ImplicitUsings>
                <Nullable>enable</Nullable>
                <TreatWarningsAsErrors>true</TreatWarningsAsErrors>
              </PropertyGroup>
              <ItemGroup>
                <PackageReference Include="{referenced}" Version="[{package.Version}]" />
                <PackageReference Include="Microsoft.Extensions.Hosting" Version="{ExtensionsVersion()}" />
              </ItemGroup>
            </Project>
            """);
        Write("Program.cs", program);
    }

    /// <summary>The executable, once built.</summary>
    public string Program => Path.Combine(_directory["out"], "App");

    private static string MachineCache => Environment.GetEnvironmentVariable("NUGET_PACKAGES")
        ?? Path.Combine(Environment.GetFolderPath(Environment.SpecialFolder.UserProfile), ".nuget", "packages");

    public async Task Build()
    {
        await Dotnet.Run(_directory.Path, new Dictionary<string, string> { ["NUGET_PACKAGES"] = _directory["packages"] }, "build", "-c", "Release", "-o", "out", "-v", "quiet", "-nologo");
        Assert.True(Directory.Exists(Path.Combine(_directory["packages"], Package.Id.ToLowerInvariant())), "The package did not come from the folder.");
    }

    public void Dispose() => _directory.Dispose();

    private void Write(string name, string text) => File.WriteAllText(_directory[name], text);

    private static string ExtensionsVersion() =>
        XDocument.Load(Path.Combine(Repository.Root, "Directory.Packages.props")).Descendants("ExtensionsVersion").Single().Value;
}
