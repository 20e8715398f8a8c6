using Spectre.Console;

namespace GuestMemFs.Cli.Terminal;

/// <summary>Where the tool reads and writes: the process's own streams, or a test's.</summary>
/// <param name="Out">Reports.</param>
/// <param name="Error">Errors, questions and progress.</param>
/// <param name="In">Answers.</param>
/// <param name="IsTerminal">True where <paramref name="Out"/> is looked at by somebody: colours, boxes, the terminal's
/// width.</param>
/// <param name="CanAsk">True where somebody can answer.</param>
internal sealed record Shell(TextWriter Out, TextWriter Error, TextReader In, bool IsTerminal, bool CanAsk)
{
    /// <summary>Nothing that a program reads is wrapped: longer than any line, paths and all.</summary>
    private const int PipeWidth = 1 << 20;

    /// <summary>Cancelled when somebody wants the tool to stop: what is half done is undone then.</summary>
    public CancellationToken Cancellation { get; init; }

    /// <summary>
    /// Told that somebody looks at <see cref="Cancellation"/> from now on: a signal is a request then, and the end of
    /// the process before.
    /// </summary>
    public Action? Watched { get; init; }

    public static Shell Standard { get; } = new(Console.Out, Console.Error, Console.In, !Console.IsOutputRedirected,
        !Console.IsInputRedirected);

    /// <summary>True where progress is worth showing.</summary>
    public bool ShowsProgress => ReferenceEquals(Error, Console.Error) && !Console.IsErrorRedirected;

    /// <summary>A console for reports.</summary>
    public IAnsiConsole OutConsole() => ConsoleOn(Out);

    /// <summary>A console for errors.</summary>
    public IAnsiConsole ErrorConsole() => ConsoleOn(Error);

    private IAnsiConsole ConsoleOn(TextWriter writer)
    {
        IAnsiConsole console = AnsiConsole.Create(new AnsiConsoleSettings
        {
            Out = new AnsiConsoleOutput(writer),
            Ansi = IsTerminal ? AnsiSupport.Detect : AnsiSupport.No,
            ColorSystem = IsTerminal ? ColorSystemSupport.Detect : ColorSystemSupport.NoColors,
            Interactive = InteractionSupport.No,
        });
        if (!IsTerminal)
        {
            console.Profile.Width = PipeWidth;
        }

        return console;
    }
}
