using System.Reflection;
using System.Text;
using KvStore.Commands;

namespace KvStore.Tests.Commands;

/// <summary>A command is declared in its family's file, once; the table has all of them.</summary>
public sealed class CommandTableTests
{
    [Fact]
    public void Every_family_is_in_the_table()
    {
        string[] declared = [.. typeof(Command).Assembly.GetTypes()
            .Where(type => type.Namespace == "KvStore.Commands")
            .Select(type => type.GetProperty("Commands", BindingFlags.Static | BindingFlags.Public))
            .Where(property => property?.PropertyType == typeof(Command[]))
            .SelectMany(property => (Command[])property!.GetValue(null)!)
            .Select(command => command.Name)
            .Order(StringComparer.Ordinal)];

        string[] inTable = [.. BuiltIn.Table.All.Select(command => command.Name).Order(StringComparer.Ordinal)];

        Assert.NotEmpty(declared);
        Assert.Equal(declared, inTable);
        Assert.Equal(inTable.Distinct(), inTable);
    }

    [Fact]
    public void Every_declaration_is_whole_and_is_found_by_its_name_in_any_case()
    {
        foreach (Command command in BuiltIn.Table.All.SelectMany(command => command.Subcommands.Prepend(command)))
        {
            Assert.Same(command, BuiltIn.Table.FindByFullName(Encoding.ASCII.GetBytes(command.Name)));
            Assert.Same(command,
                BuiltIn.Table.FindByFullName(Encoding.ASCII.GetBytes(command.Name.ToUpperInvariant())));
            Assert.True(command.Handler is not null || command.HasSubcommands, $"{command.Name} cannot be run.");
            Assert.True(command.Keys.First == 0 || command.MayWrite || command.Has(CommandFlags.ReadOnly)
                || command.Group == "transactions", $"{command.Name} has keys, and neither reads nor writes.");
            Assert.NotEqual("", command.Summary);
            Assert.NotEqual("", command.Since);
        }
    }

    /// <summary>
    /// The table grows with what is in it: some hundred commands more must neither collide nor end the search's end.
    /// </summary>
    [Fact]
    public void A_table_of_many_commands_finds_each_and_nothing_else()
    {
        Command[] many = [.. Enumerable.Range(0, 600).Select(i =>
            new Command($"command{i}", 1, CommandFlags.Fast, KeySpec.None, Ignore) { Since = "1.0.0",
                Summary = "One of many" })];

        var table = new CommandTable(many);

        Assert.All(many, command => Assert.Same(command, table.Find(Encoding.ASCII.GetBytes(command.Name))));
        Assert.Null(table.Find("command600"u8));
        Assert.Null(table.Find(""u8));
    }

    private static void Ignore(in Call call) => call.Reply.Ok();
}
