using KvStore.Access;
using static KvStore.Commands.CommandFlags;

namespace KvStore.Commands;

/// <summary>
/// HELP of commands with subcommands. Its lines are in <c>help.txt</c>: those that Redis has, which tools and people
/// know, for the subcommands that are here.
/// </summary>
internal static class HelpTexts
{
    private const char Heading = '#';

    private static readonly Lazy<Dictionary<string, List<byte[]>>> s_lines = new(Read);

    /// <summary>The subcommand that shows them.</summary>
    public static Command Of(string container, string since) =>
        new($"{container}|help", 2, NoFlags, KeySpec.None, Show)
        {
            Kinds = container == "pubsub" ? AclCategories.Nothing : null, // as Redis has it
            Also = container == "command" ? AclCategories.Connection : AclCategories.Nothing,
            Since = since,
            Summary = "Show helpful text about the different subcommands",
        };

    public static void Show(in Call call)
    {
        string name = call.Command.Name;
        List<byte[]> lines = s_lines.Value[name[..name.IndexOf('|', StringComparison.Ordinal)]];
        call.Reply.Array(lines.Count);
        foreach (byte[] line in lines)
        {
            call.Reply.Simple(line);
        }
    }

    private static Dictionary<string, List<byte[]>> Read()
    {
        var all = new Dictionary<string, List<byte[]>>(StringComparer.Ordinal);
        using var text = new StreamReader(
            typeof(HelpTexts).Assembly.GetManifestResourceStream("help.txt")!);
        List<byte[]> lines = [];
        while (text.ReadLine() is { } line)
        {
            if (line[0] == Heading)
            {
                all[line[2..]] = lines = [];
            }
            else
            {
                lines.Add(System.Text.Encoding.ASCII.GetBytes(line));
            }
        }

        return all;
    }
}
