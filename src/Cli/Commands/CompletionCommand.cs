using System.CommandLine;
using GuestMemFs.Cli.Calls;
using GuestMemFs.Cli.Terminal;

namespace GuestMemFs.Cli.Commands;

/// <summary>
/// <c>gmfs completion SHELL</c>: a script that asks the tool itself, so that it knows the regions too.
/// </summary>
internal static class CompletionCommand
{
    private const string Bash = """
        # gmfs completion for bash:  source <(gmfs completion bash)
        _gmfs() {
            local IFS=$'\n' found word=${COMP_LINE:0:COMP_POINT}
            word=${word##* }
            COMPREPLY=()
            for found in $(gmfs "[suggest:${COMP_POINT}]" "${COMP_LINE}" 2>/dev/null); do
                [[ $found != "$word"* ]] || COMPREPLY+=("$found") # it offers what has the word anywhere
            done
        }
        complete -o default -F _gmfs gmfs
        """;

    public static Command Create(Globals globals)
    {
        var shell = new Argument<string>("shell") { Description = "bash.", HelpName = "SHELL" };
        shell.AcceptOnlyFromAmong("bash");
        return globals.RunsFreely(new Command("completion",
            "A script that completes commands, options and regions: source <(gmfs completion bash).") { shell }, call =>
        {
            call.Shell.Out.WriteLine(Bash);
            return ExitCode.Done;
        });
    }
}
