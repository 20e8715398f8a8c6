using System.CommandLine;
using System.CommandLine.Help;
using System.CommandLine.Invocation;
using System.CommandLine.Parsing;

namespace GuestMemFs.Cli.Terminal;

/// <summary>
/// What follows the usual help of a command: examples that can be typed as they are, and what it can end with.
/// </summary>
internal sealed class HelpPage(SynchronousCommandLineAction usual) : SynchronousCommandLineAction
{
    /// <summary>The exit codes in one line; the guide has them at length.</summary>
    public const string ExitCodes = "Ends with: 0 done, 1 problems were found, 2 wrong command line, 3 " +
        "refused, 4 not " +
        "found, 5 damaged, 6 no room, 7 the medium or a file failed.";

    /// <summary>Who asks for help has not filled in the arguments yet.</summary>
    public override bool ClearsParseErrors => true;

    /// <summary>Puts the pages behind the help of a tool and all its commands.</summary>
    public static void AddTo(RootCommand root)
    {
        HelpOption help = root.Options.OfType<HelpOption>().Single();
        help.Action = new HelpPage((SynchronousCommandLineAction)help.Action!);
    }

    /// <summary>Command lines of a command; empty for the tool itself, whose description has them.</summary>
    public static IReadOnlyList<string> ExamplesOf(string command) => command switch
    {
        "list" => ["gmfs list -a /dev/shm/shop", "gmfs list --arenas"],
        "status" => ["gmfs status -a /dev/shm/shop", "gmfs status -a /dev/shm/shop --json"],
        "show" => ["gmfs show carts -a /dev/shm/shop"],
        "info" => ["gmfs info -a /dev/shm/shop", "gmfs info -a /dev/shm/shop --json"],
        "check" => ["gmfs check -a /dev/shm/shop", "gmfs check --deep -a /dev/shm/shop"],
        "explain" => ["gmfs explain -a /dev/shm/shop"],
        "map" => ["gmfs map -a /dev/shm/shop", "gmfs map --svg shop.svg -a /dev/shm/shop"],
        "media" => ["gmfs media"],
        "create" => ["gmfs create -a /dev/shm/shop", "gmfs create carts 2G --kind heap -a /dev/shm/shop",
            "gmfs create vm1 16G --kind guest-ram --align 1G --on-demand -a /dev/shm/shop"],
        "grow" => ["gmfs grow carts 4G -a /dev/shm/shop", "gmfs grow carts +512M -a /dev/shm/shop"],
        "rm" => ["gmfs rm carts -a /dev/shm/shop", "gmfs rm carts --yes -a /dev/shm/shop"],
        "freeze" => ["gmfs freeze -a /dev/shm/shop"],
        "thaw" => ["gmfs thaw -a /dev/shm/shop"],
        "dump" => ["gmfs dump carts /var/backups/carts.dump -a /dev/shm/shop"],
        "restore" => ["gmfs restore /var/backups/carts.dump -a /dev/shm/shop",
            "gmfs restore /var/backups/carts.dump carts2 --max-size 64G -a /dev/shm/shop"],
        "repair" => ["gmfs repair -a /dev/shm/shop", "gmfs repair --deep --yes -a /dev/shm/shop"],
        "rescue" => ["gmfs rescue --to /dev/shm/shop2 -a /dev/shm/shop", "gmfs rescue 1234 --to /dev/shm/shop2 --end"],
        "top" => ["gmfs top -a /dev/shm/shop", "gmfs top --interval 5 --count 12 --json -a /dev/shm/shop"],
        "live-update plan" => ["gmfs live-update plan hosts.json --dry-run", "gmfs live-update plan hosts.json"],
        "live-update run" => ["gmfs live-update run hosts.json --dry-run", "gmfs live-update run hosts.json",
            "gmfs live-update run -a /mnt/guestmemfs/vms"],
        "live-update resume" => ["gmfs live-update resume -a /mnt/guestmemfs/vms",
            "gmfs live-update resume --only web -a /mnt/guestmemfs/vms"],
        "live-update abort" => ["gmfs live-update abort -a /mnt/guestmemfs/vms"],
        "live-update status" => ["gmfs live-update status -a /mnt/guestmemfs/vms"],
        "live-update start" => ["gmfs live-update start hosts.json web",
            "gmfs live-update start hosts.json web --wait"],
        "hold" => ["gmfs hold", "gmfs hold --socket /run/user/1000/hold.sock"],
        "luo check" => ["gmfs luo check kvstore --kernel /boot/vmlinuz-7.2 --initrd /boot/initrd.img-7.2"],
        "luo kexec" => ["gmfs luo kexec kvstore --kernel /boot/vmlinuz-7.2 --initrd /boot/initrd.img-7.2"],
        "luo restore" => ["gmfs luo restore", "gmfs luo restore kvstore --holder /run/gmfs/hold.sock"],
        "completion" => ["gmfs completion bash"],
        _ => [],
    };

    /// <summary>A command with those it is of, without the tool's own name.</summary>
    private static string PathOf(CommandResult command) => command.Parent is CommandResult { Parent: not null } parent
        ? $"{PathOf(parent)} {command.Command.Name}" : command.Command.Name;

    public override int Invoke(ParseResult parseResult)
    {
        int code = usual.Invoke(parseResult);
        IReadOnlyList<string> examples = ExamplesOf(PathOf(parseResult.CommandResult));
        if (examples.Count > 0)
        {
            TextWriter output = parseResult.InvocationConfiguration.Output;
            output.WriteLine("Examples:");
            foreach (string example in examples)
            {
                output.WriteLine("  " + example);
            }

            output.WriteLine();
            output.WriteLine(ExitCodes);
        }

        return code;
    }
}
