using GuestMemFs.Heap;

namespace GuestMemFs.Typed;

/// <summary>How two shapes of a typed collection differ, a sentence each: structs field by field.</summary>
internal static class ShapeDifferences
{
    private const string Raw = "raw ";
    private const string Table = "table of ";
    private const string BetweenKeyAndValue = " -> ";

    /// <summary>The differences; none where one of the shapes is not of that form.</summary>
    public static IReadOnlyList<string> Between(string found, string expected)
    {
        string[] there = PartsOf(found);
        string[] asked = PartsOf(expected);
        return there.Length != asked.Length || there.Length > 2 ? []
            : [.. there.Zip(asked).Index().SelectMany(part =>
                OfPart(part.Item.First, part.Item.Second).Select(text => NameOf(part.Index, there.Length) + text))];
    }

    private static string[] PartsOf(string shape) =>
        (shape.StartsWith(Table, StringComparison.Ordinal) ? shape[Table.Length..] : shape).Split(BetweenKeyAndValue);

    private static string NameOf(int part, int parts) => parts == 1 ? "" : part == 0 ? "keys: " : "values: ";

    private static IReadOnlyList<string> OfPart(string found, string expected)
    {
        if (found == expected)
        {
            return [];
        }

        IReadOnlyList<string> fields = Struct(found) is { } there && Struct(expected) is { } asked
            ? there.DifferencesTo(asked) : [];
        return fields.Count > 0 ? fields : [$"{found} is {expected}"];
    }

    private static StructShape? Struct(string shape) =>
        shape.StartsWith(Raw, StringComparison.Ordinal) ? StructShape.Parse(shape) : null;
}
