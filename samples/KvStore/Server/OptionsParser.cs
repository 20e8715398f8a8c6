using System.Collections;
using GuestMemFs;
using GuestMemFs.Holding;
using KvStore.Engine;
using KvStore.Tls;

namespace KvStore.Server;

/// <summary>An option that cannot be: the message names the option, the value and the limit.</summary>
internal class OptionException(string message) : Exception(message);

/// <summary>
/// Reads the settings: the configuration file, then the environment, then the command line; the later wins.
/// </summary>
/// <remarks>
/// Done by hand: the server answers within some tens of milliseconds of its start, and configuration frameworks take as
/// long as that.
/// </remarks>
internal static class OptionsParser
{
    public static ServerOptions Parse(IReadOnlyList<string> args, IDictionary environment)
    {
        List<(string Name, string Value)> given = ReadArguments(args);
        string? file = (string?)environment["KVSTORE_CONFIG"];
        foreach ((string name, string value) in given)
        {
            file = name == "config" ? value : file;
        }

        var options = new ServerOptions();
        if (file is not null)
        {
            ReadFile(options, file);
        }

        foreach (Setting setting in Settings.All)
        {
            if (environment[setting.Variable] is string value)
            {
                Apply(options, setting, value, setting.Variable);
            }
        }

        foreach ((string name, string value) in given)
        {
            if (name == "masterauth")
            {
                throw new OptionException("--masterauth would show the password to all who list processes: say "
                    + "--masterauth-file, KVSTORE_MASTERAUTH, or masterauth in the configuration file");
            }

            if (name != "config")
            {
                Apply(options, Find(name, $"--{name}"), value, $"--{name}");
            }
        }

        Check(options, file);
        return options;
    }

    private static void Check(ServerOptions options, string? file)
    {
        CheckTls(options);
        CheckCommands(options);
        if (options.Port == 0 && options.TlsPort == 0 && options.UnixSocket.Length == 0)
        {
            throw new OptionException("--port 0 without --unixsocket: there would be nothing to listen on");
        }

        if (options.AclFile.Length > 0 && options.UserLines.Count > 0)
        {
            throw new OptionException(
                $"--aclfile {options.AclFile} and lines 'user' in {file}: users are in one place");
        }

        if (options.Holder.Length > 0 && options.ArenaDirectory.Length > 0)
        {
            throw new OptionException(
                $"--holder {options.Holder} and --arena {options.ArenaDirectory}: the arena is in one place");
        }

        if (options.Holder.Length > 0 && options.ArenaName.Length > Holders.LongestName)
        {
            throw new OptionException(
                $"--name {options.ArenaName}: a holder takes names of at most {Holders.LongestName} characters");
        }
    }

    private static void CheckCommands(ServerOptions options)
    {
        if (options.BackupCommand.Count == 0 && options.RestoreCommand.Count == 0)
        {
            return;
        }

        if (options.BackupFile.Length == 0)
        {
            throw new OptionException("--backup-command without --backup-file: a copy is made there first");
        }

        try
        {
            options.BackupCommands = new BackupCommand(options.BackupCommand, options.RestoreCommand)
            {
                Timeout = options.BackupCommandTimeout,
            };
        }
        catch (ArgumentException e)
        {
            throw new OptionException($"--backup-command and --restore-command: {e.Message}");
        }
    }

    private static void CheckTls(ServerOptions options)
    {
        if (options.TlsPort == 0)
        {
            return;
        }

        if (options.TlsCertFile.Length == 0 || options.TlsKeyFile.Length == 0)
        {
            throw new OptionException("--tls-port needs --tls-cert-file and --tls-key-file");
        }

        if (options.TlsAuthClients != ClientCertificates.Ignored && options.TlsCaCertFile.Length == 0)
        {
            throw new OptionException("--tls-port needs --tls-ca-cert-file, or --tls-auth-clients no");
        }
    }

    private static List<(string Name, string Value)> ReadArguments(IReadOnlyList<string> args)
    {
        List<(string Name, string Value)> given = [];
        for (int i = 0; i < args.Count; i++)
        {
            string arg = args[i];
            if (!arg.StartsWith("--", StringComparison.Ordinal))
            {
                throw new OptionException($"'{arg}' is not an option; --help lists them");
            }

            int equals = arg.IndexOf('=', StringComparison.Ordinal);
            if (equals > 0)
            {
                given.Add((arg[2..equals], arg[(equals + 1)..]));
            }
            else if (i + 1 < args.Count)
            {
                bool isPair = arg == "--replicaof" && i + 2 < args.Count && !args[i + 1].Contains(' ')
                    && !args[i + 2].StartsWith("--", StringComparison.Ordinal);
                given.Add((arg[2..], isPair ? $"{args[++i]} {args[++i]}" : args[++i]));
            }
            else
            {
                throw new OptionException($"{arg} needs a value");
            }
        }

        return given;
    }

    private static void ReadFile(ServerOptions options, string file)
    {
        string[] lines;
        try
        {
            lines = File.ReadAllLines(file);
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            throw new OptionException($"--config {file}: {e.Message}");
        }

        for (int i = 0; i < lines.Length; i++)
        {
            string line = lines[i].Trim();
            if (line.Length == 0 || line[0] == '#')
            {
                continue;
            }

            int end = line.IndexOfAny([' ', '\t']);
            string name = end < 0 ? line : line[..end];
            string value = end < 0 ? "" : line[end..].Trim();
            if (value.Length >= 2 && value[0] == '"' && value[^1] == '"')
            {
                value = value[1..^1];
            }

            if (name == "user")
            {
                options.UserLines.Add(value);
                continue;
            }

            string place = $"{file}:{i + 1}: {name}";
            Apply(options, Find(name, place), value, place);
        }
    }

    private static Setting Find(string name, string place) =>
        Settings.Find(name) ?? throw new OptionException($"{place} is not an option; --help lists them");

    private static void Apply(ServerOptions options, Setting setting, string value, string place)
    {
        if (setting.TryApply(options, value) is { } problem)
        {
            string shown = setting.Name is "requirepass" or "masterauth" ? "" : $" {value}";
            throw new OptionException($"{place}{shown}: {problem}");
        }
    }
}
