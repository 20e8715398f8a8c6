using GuestMemFs.Cli.Infrastructure;

namespace GuestMemFs.Cli;

internal static class Program
{
    private static int Main(string[] args) => Gmfs.Run(args, Shell.Standard);
}
