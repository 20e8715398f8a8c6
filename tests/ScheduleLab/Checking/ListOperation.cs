using System.Globalization;
using System.Text;

namespace GuestMemFs.ScheduleLab.Checking;

/// <summary>The public operations of a list, on the library and on the model alike.</summary>
internal static class ListOperation
{
    private const string Name = "list:elements";

    /// <summary>The list of a beginning.</summary>
    public static Part Part { get; } = new("list", (world, heap, elsewhere) =>
    {
        world.List = PersistentList.OpenOrCreate(heap, "list");
        world.ListElsewhere = PersistentList.OpenOrCreate(elsewhere, "list");
    }, AddContent);

    public static Operation Add(string element, bool last)
    {
        byte[] bytes = Encoding.UTF8.GetBytes(element);
        return new($"list-add-{End(last)} {element}", world =>
        {
            if (last)
            {
                world.List!.AddLast(bytes);
            }
            else
            {
                world.List!.AddFirst(bytes);
            }

            return "ok";
        }, (model, _, result) =>
        {
            string[] there = Elements(model);
            model[Name] = Joined(last ? [.. there, element] : [element, .. there]);
            return Operation.Is(result, "ok");
        });
    }

    public static Operation Take(bool last) => new($"list-take-{End(last)}", world =>
    {
        bool found = last ? world.List!.TryRemoveLast(out byte[]? element) : world.List!.TryRemoveFirst(out element);
        return found ? Encoding.UTF8.GetString(element!) : "none";
    }, (model, _, result) =>
    {
        string[] there = Elements(model);
        if (there.Length > 0)
        {
            model[Name] = Joined(last ? there[..^1] : there[1..]);
        }

        return Operation.Is(result, there.Length == 0 ? null : last ? there[^1] : there[0]);
    });

    public static Operation Get(bool last, bool elsewhere = false) => Read($"get-{End(last)}", elsewhere, list =>
        (last ? list.TryGetLast(out byte[]? element) : list.TryGetFirst(out element))
            ? Encoding.UTF8.GetString(element!) : "none",
        there => last ? there.LastOrDefault() : there.FirstOrDefault());

    /// <summary>The element with so many before it.</summary>
    public static Operation At(int index) => Read($"at {index}", elsewhere: false, list =>
    {
        Span<byte> room = stackalloc byte[100];
        return list.TryGet(index, room, out int length) ? Encoding.UTF8.GetString(room[..length]) : "none";
    }, there => there.ElementAtOrDefault(index));

    public static Operation Count() => Read("count", elsewhere: false, list => Text(list.Count), there =>
        Text(there.Length));

    /// <summary>In the place of the element with so many before it, or before it.</summary>
    public static Operation Insert(int index, string element, bool replaces) => new(
        $"list-{(replaces ? "set" : "insert")} {index} {element}", world =>
        {
            try
            {
                Change(world.List!, index, Encoding.UTF8.GetBytes(element), replaces);
                return "ok";
            }
            catch (ArgumentOutOfRangeException)
            {
                return "none";
            }
        }, (model, _, result) =>
        {
            string[] there = Elements(model);
            bool fits = replaces ? index < there.Length : index <= there.Length;
            if (fits)
            {
                model[Name] = Joined([.. there[..index], element, .. there[(replaces ? index + 1 : index)..]]);
            }

            return Operation.Is(result, fits ? "ok" : null);
        });

    private static void Change(PersistentList list, int index, byte[] element, bool replaces)
    {
        if (replaces)
        {
            list.Set(index, element);
        }
        else
        {
            list.Insert(index, element);
        }
    }

    private static Operation Read(string name, bool elsewhere, Func<PersistentList, string> run,
        Func<string[], string?> expected) => new($"list-{name}{(elsewhere ? "-elsewhere" : "")}", world =>
            run(elsewhere ? world.ListElsewhere! : world.List!), (model, _, result) =>
                Operation.Is(result, expected(Elements(model))), Writes: false) { Reads = true };

    private static string? AddContent(World world, SortedDictionary<string, string> texts)
    {
        List<string> up = [], down = [];
        foreach (ReadOnlySpan<byte> element in world.List!)
        {
            up.Add(Encoding.UTF8.GetString(element));
        }

        foreach (ReadOnlySpan<byte> element in world.List.ScanDescending())
        {
            down.Insert(0, Encoding.UTF8.GetString(element));
        }

        if (up.Count > 0)
        {
            texts.Add(Name, string.Join(',', up));
        }

        return up.SequenceEqual(down) && up.Count == world.List.Count ? null
            : $"the list counts {world.List.Count}, has {string.Join(',', up)}, downwards {string.Join(',', down)}";
    }

    private static string[] Elements(Model model) => model[Name]?.Split(',') ?? [];

    private static string? Joined(string[] elements) => elements.Length == 0 ? null : string.Join(',', elements);

    private static string End(bool last) => last ? "last" : "first";

    private static string Text(long number) => number.ToString(CultureInfo.InvariantCulture);
}
