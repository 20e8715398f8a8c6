using System.CommandLine;
using GuestMemFs.Cli.Facts;
using GuestMemFs.Cli.Terminal;

namespace GuestMemFs.Cli.Calls;

/// <summary>One call of a command: what was typed, and where to answer.</summary>
internal sealed class Invocation(ParseResult parsed, GlobalOptions globals)
{
    public Shell Shell => globals.Shell;

    public bool Json => parsed.GetValue(globals.Json);

    /// <summary>
    /// For commands that undo what they have begun, or go on until they are stopped. They look at it often.
    /// </summary>
    public CancellationToken Cancellation
    {
        get
        {
            Shell.Watched?.Invoke();
            return Shell.Cancellation;
        }
    }

    /// <summary>The name of the arena, where it was named so.</summary>
    public string? ArenaName => parsed.GetValue(globals.Name);

    /// <summary>The holder that was named.</summary>
    public string? Holder => parsed.GetValue(globals.Holder);

    /// <summary>Whose files, holders and sockets are used.</summary>
    public PathTrust Trust => field ??= new PathTrust(parsed.GetValue(globals.TrustOwner) ?? []);

    /// <summary>The directory or the holder's memory that was named; null where none was.</summary>
    public ArenaReference? NamedArena =>
        ArenaReference.Named(parsed.GetValue(globals.Arena), ArenaName, Holder) is { } named
        ? named with { Trust = Trust }
        : null;

    /// <summary>The arena that is meant.</summary>
    public ArenaReference Arena => field ??=
        ArenaReference.Find(parsed.GetValue(globals.Arena), ArenaName, Holder) with { Trust = Trust };

    public T? Value<T>(Option<T> option) => parsed.GetValue(option);

    public T? Value<T>(Argument<T> argument) => parsed.GetValue(argument);

    /// <summary>A size that was typed.</summary>
    public long? Size(Option<string?> option) =>
        parsed.GetValue(option) is { } text ? ParseSize(text, " for " + option.Name) : null;

    /// <summary>A size that was typed.</summary>
    public long? Size(Argument<string?> argument) =>
        parsed.GetValue(argument) is { } text ? ParseSize(text, string.Empty) : null;

    /// <summary>Asks whether to go on; says no where nobody can be asked and nobody said <c>--yes</c> before.</summary>
    public void Confirm(bool yes, string question)
    {
        if (yes)
        {
            return;
        }

        if (!Shell.CanAsk)
        {
            throw new GmfsException(ExitCode.Refused, $"{question} Nobody can be asked here: say --yes.");
        }

        Shell.Error.Write($"{question} [y/N] ");
        Shell.Error.Flush();
        if (Shell.In.ReadLine()?.Trim() is not ("y" or "Y" or "yes"))
        {
            throw new GmfsException(ExitCode.Refused, "Nothing was changed.");
        }
    }

    private static long ParseSize(string text, string what) => Sizes.TryParse(text, out long bytes)
        ? bytes
        : throw new GmfsException(ExitCode.Usage,
            $"'{text}' is no size{what}: write a number of bytes, or one with a unit, as 512M, 2G or 1.5TiB.");
}
