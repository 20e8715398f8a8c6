namespace GuestMemFs.Cli.Tests.Infrastructure;

/// <summary>The tree that the tests were built from.</summary>
internal static class Repository
{
    public static string File(string relative)
    {
        string? directory = AppContext.BaseDirectory;
        while (directory is not null && !System.IO.File.Exists(Path.Combine(directory, "GuestMemFs.sln")))
        {
            directory = Path.GetDirectoryName(directory);
        }

        return Path.Combine(directory ?? throw new DirectoryNotFoundException("The tests do not lie in their tree."),
            relative);
    }
}
