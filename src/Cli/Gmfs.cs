using System.CommandLine;
using GuestMemFs.Cli.Calls;
using GuestMemFs.Cli.Commands;
using GuestMemFs.Cli.Terminal;

namespace GuestMemFs.Cli;

/// <summary>The tool: its commands, and from arguments to an exit code.</summary>
internal static class Gmfs
{
    private const string Description = $"""
        gmfs looks at persistent memory arenas: what is in them, whether they are whole, why they are as they are.

        An arena is a directory on a medium of memory (tmpfs, hugetlbfs, DAX, guestmemfs) or on a disk. It holds named
        regions. One process writes; gmfs reads beside it. What would change an arena that has a writer is refused.

          gmfs media                                what this machine offers
          gmfs create --arena /dev/shm/shop         make an arena
          gmfs create carts 2G --kind heap -a ...   make a region in it
          gmfs status -a /dev/shm/shop              who has it, how full it is
          gmfs check --deep -a /dev/shm/shop        is it whole?
          gmfs explain -a /dev/shm/shop             why is it cold, refused, full or slow?

        {HelpPage.ExitCodes}
        gmfs COMMAND --help has examples of each command.
        """;

    /// <summary>Runs one command line.</summary>
    /// <returns>One of <see cref="ExitCode"/>.</returns>
    public static int Run(IReadOnlyList<string> arguments, Shell shell)
    {
        // A region may be called @something.
        ParseResult parsed = Root(shell).Parse(arguments, new ParserConfiguration { ResponseFileTokenReplacer = null });
        int code = parsed.Invoke(new InvocationConfiguration { Output = shell.Out, Error = shell.Error,
            EnableDefaultExceptionHandler = false });
        return parsed.Errors.Count > 0 && code != 0 ? (int)ExitCode.Usage : code;
    }

    internal static RootCommand Root(Shell shell)
    {
        var globals = new Globals(shell);
        var root = new RootCommand(Description)
        {
            globals.Arena,
            globals.Name,
            globals.Holder,
            globals.TrustOwner,
            globals.Json,
            ListCommand.Create(globals),
            StatusCommand.Create(globals),
            ShowCommand.Create(globals),
            InfoCommand.Create(globals),
            CheckCommand.Create(globals),
            ExplainCommand.Create(globals),
            MapCommand.Create(globals),
            MediaCommand.Create(globals),
            CreateCommand.Create(globals),
            GrowCommand.Create(globals),
            RemoveCommand.Create(globals),
            FreezeCommand.Freeze(globals),
            FreezeCommand.Thaw(globals),
            DumpCommand.Create(globals),
            RestoreCommand.Create(globals),
            RepairCommand.Create(globals),
            RescueCommand.Create(globals),
            TopCommand.Create(globals),
            LiveUpdateCommand.Create(globals),
            HoldCommand.Create(globals),
            LuoCommand.Create(globals),
            CompletionCommand.Create(globals),
        };
        HelpPage.AddTo(root);
        return root;
    }
}
