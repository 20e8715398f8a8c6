using System.Text.Json.Serialization;
using GuestMemFs.Cli.Terminal;
using Spectre.Console;

namespace GuestMemFs.Cli.Reports;

/// <summary>What a command has to say: one record, drawn for people or written as JSON.</summary>
internal abstract record Report
{
    /// <summary>What the command ends with.</summary>
    [JsonIgnore]
    public virtual ExitCode ExitCode => ExitCode.Done;

    /// <summary>For people.</summary>
    public abstract void Draw(IAnsiConsole console);
}

/// <summary>A refusal or a failure.</summary>
internal sealed record ErrorReport([property: JsonIgnore] ExitCode Code, [property: JsonIgnore] string? Reason,
    [property: JsonIgnore] string Message, [property: JsonIgnore] string? Next) : Report
{
    [JsonIgnore]
    public override ExitCode ExitCode => Code;

    public ErrorBody Error => new((int)Code, Reason, Message, Next);

    public override void Draw(IAnsiConsole console)
    {
        console.WriteLine($"gmfs: {(Reason is null ? string.Empty : Reason + " ")}{Message}");
        if (Next is not null)
        {
            console.WriteLine($"      {Next}");
        }
    }
}

/// <summary>The JSON of an error.</summary>
internal sealed record ErrorBody(int ExitCode, string? Reason, string Message, string? Next);

/// <summary>Something was done.</summary>
internal sealed record DoneReport(string Action, string Subject, string Text) : Report
{
    public override void Draw(IAnsiConsole console) => console.WriteLine(Text);
}
