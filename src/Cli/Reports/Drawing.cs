using Spectre.Console;

namespace GuestMemFs.Cli.Reports;

/// <summary>Tables and lists that look the same in every report. Texts are texts: nothing in them is markup.</summary>
internal static class Drawing
{
    /// <summary>A table; columns whose name starts with <c>&gt;</c> are set to the right.</summary>
    public static Table Table(IAnsiConsole console, params string[] columns)
    {
        Table table = new Table().Border(console.Profile.Capabilities.Ansi ? TableBorder.Rounded : TableBorder.Simple);
        foreach (string column in columns)
        {
            bool right = column.StartsWith('>');
            var header = new TableColumn(new Text(right ? column[1..] : column));
            table.AddColumn(right ? header.RightAligned().NoWrap() : header);
        }

        return table;
    }

    public static void Row(this Table table, params string[] cells) =>
        table.AddRow(cells.Select(cell => new Text(cell)));

    /// <summary>Lines of name and value.</summary>
    public static void Facts(IAnsiConsole console, params (string Name, string? Value)[] facts)
    {
        int width = facts.Max(f => f.Name.Length) + 2;
        foreach ((string name, string? value) in facts)
        {
            if (value is not null)
            {
                console.WriteLine(name.PadRight(width) + value);
            }
        }
    }
}
