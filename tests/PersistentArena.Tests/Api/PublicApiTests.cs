using System.Runtime.CompilerServices;

namespace GuestMemFs.Tests.Api;

/// <summary>
/// A package's public surface changes on purpose, in a reviewed line of <c>PublicApi.txt</c>, or not at all.
/// </summary>
public class PublicApiTests
{
    private const string Accept = "GMF_ACCEPT_PUBLIC_API";

    [Theory]
    [InlineData(typeof(PersistentDictionary), "PublicApi.txt")]
    [InlineData(typeof(Holding.Holders), "PublicApi.Holding.txt")]
    [InlineData(typeof(VirtualMachines.VirtualMachine), "PublicApi.VirtualMachines.txt")]
    [InlineData(typeof(LiveUpdate.LiveUpdater), "PublicApi.LiveUpdate.txt")]
    public void The_public_surface_is_the_accepted_one(Type ofPackage, string name)
    {
        string file = AcceptedFile(name);
        string actual = PublicApiText.Of(ofPackage.Assembly);
        if (Environment.GetEnvironmentVariable(Accept) == "1")
        {
            File.WriteAllText(file, actual);
        }

        string[] accepted = File.Exists(file) ? File.ReadAllLines(file) : [];
        string difference = Difference(accepted, actual.TrimEnd('\n').Split('\n'));
        Assert.True(
            difference.Length == 0,
            $"The public surface changed:\n{difference}If that is meant: {Accept}=1 tests/run PersistentArena.Tests, " +
            $"and commit tests/PersistentArena.Tests/{name}.");
    }

    [Fact]
    public void A_difference_names_the_lines_that_went_and_came() =>
        Assert.Equal("  class B\n-     int Old()\n+     int New()\n",
            Difference(["class A", "    int Same()", "class B", "    int Old()"],
                ["class A", "    int Same()", "class B", "    int New()"]));

    // Beside this file: the test reads it where it is committed, so that accepting rewrites the right one.
    private static string AcceptedFile(string name, [CallerFilePath] string here = "") =>
        Path.Combine(Path.GetDirectoryName(here)!, "..", name);

    // Members are compared under their type's line, which is shown above them.
    private static string Difference(string[] before, string[] after)
    {
        var old = Qualified(before);
        var now = Qualified(after);
        var changed = old.Except(now).Select(x => (x.Type, x.Line, Sign: '-')).Concat(
            now.Except(old).Select(x => (x.Type, x.Line, Sign: '+')));
        return string.Concat(changed.GroupBy(c => c.Type).OrderBy(g => g.Key, StringComparer.Ordinal).Select(g =>
            (g.Any(c => c.Line == g.Key) ? "" : $"  {g.Key}\n")
                + string.Concat(g.Select(c => $"{c.Sign} {c.Line}\n"))));
    }

    private static List<(string Type, string Line)> Qualified(string[] lines)
    {
        string type = "";
        return [.. lines.Select(line => (type = line.StartsWith(' ') ? type : line, line))];
    }
}
