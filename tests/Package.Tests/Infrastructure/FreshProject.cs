using System.Xml.Linq;

namespace GuestMemFs.PackageTests.Infrastructure;

/// <summary>
/// A console project of a user, outside the repository, that references the packed file by its version.
/// </summary>
internal sealed class FreshProject : IDisposable
{
    private readonly TemporaryDirectory _directory = new();

    /// <param name="package">The library; its folder has the adapters too.</param>
    /// <param name="program">The program's only source.</param>
    /// <param name="referenced">The package that is referenced.</param>
    public FreshProject(Package package, string program, string referenced = Package.Id)
    {
        // Only these packages come from the folder; a package cache of its own keeps an earlier one of the same version
        // out, and the machine's cache saves fetching the others again.
        string machine = Directory.Exists(MachineCache) ? $"""<add key="machine" value="{MachineCache}" />""" : "";
        Write("nuget.config", $"""
            <configuration>
              <packageSources><add key="local" value="{package.Folder}" /></packageSources>
              <fallbackPackageFolders>{machine}</fallbackPackageFolders>
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
                <IsAotCompatible>true</IsAotCompatible>
                <PublishAot Condition="'$(Native)' == 'true'">true</PublishAot>
              </PropertyGroup>
              <ItemGroup Condition="'$(Native)' == 'true'">
                <!-- All that is in the packages is compiled and looked at, not only what the program uses. -->
                <TrimmerRootAssembly Include="GuestMemFs.PersistentArena" />
                <TrimmerRootAssembly Include="GuestMemFs.LiveUpdate;GuestMemFs.VirtualMachines;GuestMemFs.Holding"
                                     Condition="'{referenced}' == 'GuestMemFs.LiveUpdate'" />
              </ItemGroup>
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

    private static IEnumerable<string> Linkers =>
        from directory in (Environment.GetEnvironmentVariable("PATH") ?? "").Split(':',
            StringSplitOptions.RemoveEmptyEntries)
        from name in new[] { "clang", "gcc" }
        select Path.Combine(directory, name);

    public async Task Build()
    {
        await Dotnet.Run(_directory.Path,
            new Dictionary<string, string> { ["NUGET_PACKAGES"] = _directory["packages"] }, "build", "-c", "Release",
            "-o", "out", "-v", "quiet", "-nologo");
        Assert.True(Directory.Exists(Path.Combine(_directory["packages"], Package.Id.ToLowerInvariant())),
            "The package did not come from the folder.");
    }

    /// <summary>
    /// Publishes it as a native program and gives its path. Skips the test where the compiler's package or a linker is
    /// missing.
    /// </summary>
    public async Task<string> PublishNative()
    {
        Assert.SkipUnless(Linkers.Any(File.Exists),
            "There is no linker (clang or gcc) on PATH, so no native program was made.");
        (int exitCode, string text) = await Dotnet.TryRun(
            _directory.Path, new Dictionary<string, string> { ["NUGET_PACKAGES"] = _directory["packages"] }, "publish",
            "-c", "Release", "-o", "native", "-p:Native=true", "-v", "quiet", "-nologo");
        Assert.SkipWhen(exitCode != 0 && text.Contains("error NU1", StringComparison.Ordinal),
            $"The compiler's package does not restore, so no native program was made: {text}");
        Assert.True(exitCode == 0, text);
        return Path.Combine(_directory["native"], "App");
    }

    public void Dispose() => _directory.Dispose();

    private void Write(string name, string text) => File.WriteAllText(_directory[name], text);

    private static string ExtensionsVersion() =>
        XDocument.Load(Path.Combine(Repository.Root, "Directory.Packages.props")).Descendants("ExtensionsVersion")
            .Single().Value;
}
