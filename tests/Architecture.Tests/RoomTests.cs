using System.Text.RegularExpressions;
using Microsoft.CodeAnalysis;

namespace GuestMemFs.Architecture;

/// <summary>The order of rooms (docs/architecture.md).</summary>
public sealed partial class RoomTests
{
    [Fact]
    [Trait("speed", "slow")]
    public void Sources_are_understood_whole()
    {
        Diagnostic[] errors = [.. House.Errors];

        Assert.True(errors.Length == 0, $"{errors.Length} errors, so arrows may be " +
            $"missing:\n{string.Join('\n', errors.Take(10).Select(error => error.ToString()))}");
        Assert.True(House.Arrows.Count > 3000, $"only {House.Arrows.Count} arrows were found");
    }

    [Fact]
    public void Every_folder_is_a_room_of_the_table()
    {
        var folders = Rooms.ByProject.Keys.SelectMany(Repository.Sources).Select(path => Path.GetDirectoryName(path)!)
            .Distinct();

        Assert.Empty(folders.Except(Rooms.ByProject.Values.SelectMany(rooms => rooms)));
    }

    [Fact]
    public void What_the_page_names_is_there()
    {
        var words = Repository.Sources("src").Concat(Repository.Sources("samples")).Concat(Repository.Sources("tests"))
            .SelectMany(path => Word().Matches(Repository.Text(path))).Select(word => word.Value)
            .ToHashSet(StringComparer.Ordinal);
        string page = Repository.Text("docs/architecture.md");
        string[] names = [.. Name().Matches(page).Select(name => name.Groups[1].Value)];
        string[] folders = [Repository.Root, .. Rooms.ByProject.Keys.Select(it => Path.Combine(Repository.Root, it))];

        Assert.True(names.Length > 100, $"only {names.Length} names");
        Assert.All(names, name => Assert.True(
            name.Contains('/', StringComparison.Ordinal)
                ? folders.Any(folder => Path.Exists(Path.Combine(folder, name)))
                : name.Split('.').All(words.Contains),
            $"{name} is not there"));
    }

    [Fact]
    public void A_room_uses_only_rooms_above_it()
    {
        var wrong = House.Arrows
            .Where(arrow => Rooms.ByProject.TryGetValue(Project.Of(arrow.From).Folder, out var rooms)
                && Place(rooms, arrow.ToFolder) > Place(rooms, arrow.FromFolder))
            .Select(arrow => $"{arrow.From} -> {arrow.To}");

        Listed.Compare("arrows-against-the-order", wrong);
    }

    [Fact]
    public void Files_of_a_project_form_no_circle()
    {
        var within = House.Arrows.Where(arrow => Project.Of(arrow.From) == Project.Of(arrow.To));
        var circles = Circles.Of(within.Select(arrow => (arrow.From, arrow.To))).Select(circle =>
        {
            string folder = Project.Of(circle[0]).Folder;
            return $"{folder}: {string.Join(' ', circle.Select(file => Path.GetRelativePath(folder, file)))}";
        });

        Listed.Compare("circles-of-files", circles);
    }

    [Fact]
    public void Classes_are_used_in_the_order_that_their_file_draws()
    {
        var orders = ClassOrders.All.ToList();
        var wrong =
            from order in orders
            from arrow in House.Arrows
            where order.ContainsKey(arrow.From) && order.ContainsKey(arrow.To) && order[arrow.To] > order[arrow.From]
            select $"{arrow.From} -> {arrow.To}: {arrow.Name}";

        Assert.Empty(wrong.Distinct());
        Assert.Equal(4, orders.Count);
        Assert.All(orders, order => Assert.True(order.Count >= 14, $"only {order.Count} classes stand in it"));
    }

    [Fact]
    public void No_project_sees_another_projects_internals()
    {
        var reached = House.Arrows
            .Where(arrow => !arrow.IsPublic && Project.Of(arrow.From) != Project.Of(arrow.To))
            .Where(arrow => !Project.Of(arrow.From).Shared.Contains(arrow.To))
            .Select(arrow => $"{arrow.From} -> {arrow.To}");

        Listed.Compare("internals-of-others", reached);
    }

    private static int Place(IReadOnlyList<string> rooms, string folder)
    {
        for (int i = 0; i < rooms.Count; i++)
        {
            if (rooms[i] == folder)
            {
                return i;
            }
        }

        return -1;
    }

    [GeneratedRegex(@"\w+")]
    private static partial Regex Word();

    /// <summary>A type, a member or a path, as <c>`Name`</c>.</summary>
    [GeneratedRegex(@"`((?:[A-Z]\w*[a-z]\w*(?:\.\w+)*)|(?:[\w.]+/[\w./]*))`")]
    private static partial Regex Name();
}
