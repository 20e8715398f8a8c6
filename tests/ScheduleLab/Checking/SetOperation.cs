using System.Globalization;
using System.Text;

namespace GuestMemFs.ScheduleLab.Checking;

/// <summary>The public operations of a set, on the library and on the model alike.</summary>
internal static class SetOperation
{
    private const string Name = "set:members";

    /// <summary>The set of a beginning.</summary>
    public static Part Part { get; } = new("set", (world, heap, elsewhere) =>
    {
        world.Set = PersistentSet.OpenOrCreate(heap, "set");
        world.SetElsewhere = PersistentSet.OpenOrCreate(elsewhere, "set");
    }, AddContent);

    public static Operation Add(string member) => Change($"set-add {member}",
        set => set.Add(Bytes(member)) ? "true" : "false",
        members => members.Add(member) ? "true" : "false");

    public static Operation Remove(string member) => Change($"set-remove {member}",
        set => set.Remove(Bytes(member)) ? "true" : "false",
        members => members.Remove(member) ? "true" : "false");

    public static Operation Clear() => Change("set-clear", set => Text(set.Clear()), members =>
    {
        int count = members.Count;
        members.Clear();
        return Text(count);
    });

    public static Operation Contains(string member, bool elsewhere = false) => new(
        $"set-contains{(elsewhere ? "-elsewhere" : "")} {member}",
        world => (elsewhere ? world.SetElsewhere! : world.Set!).Contains(Bytes(member)) ? "true" : "false",
        (model, _, result) => Operation.Is(result, Members(model).Contains(member) ? "true" : "false"),
        Writes: false) { Reads = true };

    private static Operation Change(
        string name, Func<PersistentSet, string> run, Func<SortedSet<string>, string> effect) => new(
        name, world => run(world.Set!), (model, _, result) =>
        {
            SortedSet<string> members = Members(model);
            string expected = effect(members);
            model[Name] = members.Count == 0 ? null : string.Join(',', members);
            return Operation.Is(result, expected);
        });

    private static string? AddContent(World world, SortedDictionary<string, string> texts)
    {
        List<string> members = [];
        foreach (ReadOnlySpan<byte> member in world.Set!)
        {
            members.Add(Encoding.UTF8.GetString(member));
        }

        if (members.Count > 0)
        {
            texts.Add(Name, string.Join(',', members));
        }

        return members.Count == world.Set.Count ? null
            : $"the set counts {world.Set.Count} and has {string.Join(',', members)}";
    }

    private static SortedSet<string> Members(Model model) =>
        new(model[Name]?.Split(',') ?? [], StringComparer.Ordinal);

    private static byte[] Bytes(string text) => Encoding.UTF8.GetBytes(text);

    private static string Text(long number) => number.ToString(CultureInfo.InvariantCulture);
}
