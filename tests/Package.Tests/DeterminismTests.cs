using GuestMemFs.PackageTests.Infrastructure;

namespace GuestMemFs.PackageTests;

/// <summary>Who builds the same sources somewhere else gets the same bytes.</summary>
[Trait("Category", "Package")]
public class DeterminismTests
{
    [Fact]
    public async Task Two_builds_in_different_places_give_the_same_assembly_and_symbols()
    {
        using var directory = new TemporaryDirectory();
        Package first = await Build(directory["a"], directory["first"]);
        Package second = await Build(directory[Path.Combine("another", "place", "far", "deeper")], directory["second"]);
        Assert.Equal(Convert.ToHexString(first.Assembly.Digest()), Convert.ToHexString(second.Assembly.Digest()));
        Assert.Equal(Convert.ToHexString(first.Symbols.Digest()), Convert.ToHexString(second.Symbols.Digest()));
    }

    private static async Task<Package> Build(string sources, string folder)
    {
        Repository.CopySources(sources);
        Package package = await Package.Pack(sources, folder);
        PackageContentTests.AssertNoPaths(package, sources);
        return package;
    }
}

file static class Bytes
{
    public static byte[] Digest(this byte[] bytes) => System.Security.Cryptography.SHA256.HashData(bytes);
}
