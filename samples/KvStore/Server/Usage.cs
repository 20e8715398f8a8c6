using KvStore.Engine;

namespace KvStore.Server;

/// <summary>What <c>--help</c> and <c>--version</c> print.</summary>
internal static class Usage
{
    public static string Version => typeof(Usage).Assembly.GetName().Version!.ToString(3);

    public static int Print()
    {
        var defaults = new ServerOptions();
        Console.WriteLine("""
            KvStore: a Redis-protocol server whose keys outlive its process.

            usage: KvStore [--option value]...     serve
                   KvStore import FILE             take the keys of an RDB file into a server that runs
                   KvStore export FILE             write such a file from one
                   KvStore demo                    see a database survive SIGKILL

            An option is also read from the environment (KVSTORE_PORT) and from a file (--config FILE, lines of
            "port 6380"); the command line wins over the environment, and that over the file.

            """);
        foreach (Setting setting in Settings.All)
        {
            string value = setting.Show(defaults);
            Console.WriteLine($"  --{setting.Name,-26} {setting.Help}{(value.Length > 0 ? $" [{value}]" : "")}");
        }

        return 0;
    }

    public static int PrintVersion()
    {
        Console.WriteLine($"KvStore {Version}");
        return 0;
    }
}
