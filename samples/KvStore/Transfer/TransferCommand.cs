using System.Net.Sockets;
using GuestMemFs;
using KvStore.Rdb;

namespace KvStore.Transfer;

/// <summary>The commands <c>KvStore import</c> and <c>KvStore export</c>.</summary>
internal static class TransferCommand
{
    private const int Failed = 1;
    private const int BadUsage = 2;

    /// <summary>Runs one. 0: all was done. 1: something failed, which is said. 2: bad arguments.</summary>
    /// <param name="arguments">All arguments of the process.</param>
    public static int Run(ReadOnlySpan<string> arguments)
    {
        if (arguments.Contains("--help") || arguments.Contains("-h"))
        {
            Console.WriteLine(TransferOptions.Usage);
            return 0;
        }

        TransferOptions options;
        try
        {
            options = TransferOptions.Parse(arguments[1..]);
        }
        catch (FormatException e)
        {
            Console.Error.WriteLine(e.Message);
            return BadUsage;
        }

        return Run(arguments[0] == "import", options);
    }

    private static int Run(bool imports, TransferOptions options)
    {
        string action = imports ? "import" : "export";
        try
        {
            Console.WriteLine(imports ? new RdbImport(options).Run() : new RdbExport(options).Run());
            return 0;
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException or InvalidDataException
            or SocketException or InsufficientMemoryException or RdbFormatException
            or ArenaException or OutOfMemoryException)
        {
            Console.Error.WriteLine($"KvStore {action} {options.File}: {e.Message}");
            return Failed;
        }
    }
}
