using System.Globalization;

namespace GuestMemFs.ScheduleLab.Checking;

/// <summary>The public operations of a bitmap, on the library and on the model alike.</summary>
internal static class BitmapOperation
{
    private const string Name = "bitmap:bits";

    /// <summary>The bitmap of a beginning.</summary>
    public static Part Part { get; } = new("bitmap", (world, heap, elsewhere) =>
    {
        world.Bitmap = PersistentBitmap.OpenOrCreate(heap, "bitmap");
        world.BitmapElsewhere = PersistentBitmap.OpenOrCreate(elsewhere, "bitmap");
    }, AddContent);

    /// <summary>Gives what the bit was.</summary>
    public static Operation Set(int bit, bool value) => new($"bitmap-{(value ? "set" : "clear")} {bit}",
        world => world.Bitmap!.Set(bit, value) ? "true" : "false",
        (model, _, result) =>
        {
            SortedSet<int> bits = Bits(model);
            bool was = value ? !bits.Add(bit) : bits.Remove(bit);
            model[Name] = bits.Count == 0 ? null : string.Join(',', bits);
            return Operation.Is(result, was ? "true" : "false");
        });

    public static Operation Get(int bit, bool elsewhere = false) => Read($"get {bit}", elsewhere,
        bitmap => bitmap.Get(bit) ? "true" : "false", bits => bits.Contains(bit) ? "true" : "false");

    /// <summary>Of one chunk: each is seen at an instant of its own.</summary>
    public static Operation Count(int from, int to) => Read($"count {from} {to}", elsewhere: false,
        bitmap => Text(bitmap.Count(from, to)), bits => Text(bits.Count(bit => bit >= from && bit < to)));

    private static Operation Read(
        string name, bool elsewhere, Func<PersistentBitmap, string> run, Func<SortedSet<int>, string> expected) => new(
        $"bitmap-{name}{(elsewhere ? "-elsewhere" : "")}",
        world => run(elsewhere ? world.BitmapElsewhere! : world.Bitmap!),
        (model, _, result) => Operation.Is(result, expected(Bits(model))), Writes: false) { Reads = true };

    private static string? AddContent(World world, SortedDictionary<string, string> texts)
    {
        List<long> bits = [];
        for (long from = 0; world.Bitmap!.TryGetNext(from, out long bit); from = bit + 1)
        {
            bits.Add(bit);
        }

        if (bits.Count > 0)
        {
            texts.Add(Name, string.Join(',', bits));
        }

        return bits.Count == world.Bitmap.Count() ? null
            : $"the bitmap counts {world.Bitmap.Count()} and has {string.Join(',', bits)}";
    }

    private static SortedSet<int> Bits(Model model) =>
        [.. (model[Name]?.Split(',') ?? []).Select(bit => int.Parse(bit, CultureInfo.InvariantCulture))];

    private static string Text(long number) => number.ToString(CultureInfo.InvariantCulture);
}
