using System.Text;
using GuestMemFs.Format;

namespace GuestMemFs.CrashLab;

/// <summary>
/// A mutating operation on an arena, and on its model alike. <see cref="Then"/> follows it at once, as an operation of
/// its own.
/// </summary>
/// <param name="Name">In reports.</param>
/// <param name="Applies">Whether it can be done in a state; what cannot is refused by the arena, which other tests are
/// for.</param>
/// <param name="Run">Does it.</param>
/// <param name="Model">What it makes of the model.</param>
internal sealed record ArenaOperation(
    string Name, Func<ArenaModel, bool> Applies, Action<ArenaProcess> Run, Func<ArenaModel, ArenaModel> Model)
{
    private const long MiB = 1 << 20;

    public ArenaOperation? Then { get; init; }

    public override string ToString() => Name;

    public static ArenaOperation Create(string name, long length, RegionKind kind = RegionKind.Raw,
        RegionReserve reserve = RegionReserve.Full) => new(
        $"create {name} ({kind}, {length} bytes)",
        model => model is { Frozen: false } && !model.Regions.ContainsKey(name),
        process => process.Keep(process.Arena.CreateRegion(name, length,
            new RegionOptions { Kind = kind, Reserve = reserve })),
        model => model.With(name, new RegionModel(kind, length)))
    {
        Then = kind == RegionKind.Heap ? null : Write(name, length, 7),
    };

    public static ArenaOperation OpenOrCreate(string name, long length) => new(
        $"open or create {name} ({length} bytes)",
        model => !model.Frozen && (!model.Regions.TryGetValue(name, out RegionModel? region)
            || (region.Length >= length && region.Kind == RegionKind.Raw)),
        process =>
        {
            process.Release(name);
            process.Keep(process.Arena.OpenOrCreateRegion(name, length));
        },
        model => model.Regions.ContainsKey(name) ? model : model.With(name, new RegionModel(RegionKind.Raw, length)));

    /// <summary>A creation that fails at its second file, for want of room.</summary>
    public static ArenaOperation CreateInVain() => new(
        "create a region that finds no room for its second file",
        model => !model.Frozen && !model.Regions.ContainsKey("in vain"),
        process =>
        {
            process.World.CreationsUntilFull = 1;
            try
            {
                process.Arena.CreateRegion("in vain", process.Arena.GetSpace().Reusable + (12 * MiB)).Dispose();
                throw new LabException("there was room for more than there is");
            }
            catch (ArenaOutOfSpaceException)
            {
                // What it is about: nothing may have changed.
            }
            finally
            {
                process.World.CreationsUntilFull = -1;
            }
        },
        model => model);

    public static ArenaOperation Delete(string name) => new(
        $"delete {name}",
        model => !model.Frozen && model.Regions.ContainsKey(name),
        process =>
        {
            process.Release(name);
            process.Arena.DeleteRegion(name);
        },
        model => model.Without(name));

    public static ArenaOperation Rename(string from, string to) => new(
        $"rename {from} to {to}",
        model => !model.Frozen && model.Regions.ContainsKey(from) && !model.Regions.ContainsKey(to),
        process =>
        {
            process.Arena.RenameRegion(from, to);
            process.Renamed(from, to);
        },
        model => model.Without(from).With(to, model.Regions[from]));

    public static ArenaOperation Grow(string name, long by) => new(
        $"grow {name} by {by} bytes",
        model => !model.Frozen && model.Regions.TryGetValue(name, out RegionModel? region)
            && region.Kind != RegionKind.Heap && region.Length < 16 * MiB,
        process => process.Region(name).Grow(process.Region(name).Length + by),
        model => model.With(name, model.Regions[name] with { Length = model.Regions[name].Length + by }))
    {
        Then = Write(name, -1, 9),
    };

    public static ArenaOperation MakeHeap(string name) => new(
        $"make a heap in {name}",
        model => !model.Frozen && model.Regions.TryGetValue(name, out RegionModel? region)
            && region is { Kind: RegionKind.Heap, Formatted: false },
        process => PersistentHeap.Open(process.Region(name)),
        model => model.With(name, model.Regions[name] with { Formatted = true }))
    {
        Then = new(
            $"make a dictionary in {name}",
            _ => true,
            process => Dictionary(process.Region(name)),
            model => model)
        {
            Then = new(
                $"set a key in {name}",
                _ => true,
                process => Dictionary(process.Region(name)).Set("key"u8, "value"u8),
                model => model.With(name, model.Regions[name] with { Value = "value" })),
        },
    };

    public static ArenaOperation Freeze() => new("freeze", model => !model.Frozen, process => process.Arena.Freeze(),
        model => model with { Frozen = true });

    public static ArenaOperation Thaw() => new("thaw", model => model.Frozen, process => process.Arena.Thaw(),
        model => model with { Frozen = false });

    public static ArenaOperation Compact() => new("compact", _ => true, process => process.Compact(), model => model);

    /// <summary>The first opening, which makes the arena.</summary>
    public static ArenaOperation CreateArena() => new("create the arena", model => !model.Exists,
        process => process.Open(), model => model with { Exists = true });

    /// <summary>Closed clean; then the next writer takes the arena.</summary>
    public static ArenaOperation CloseAndOpen() =>
        new("close", _ => true, process => process.Close(), model => model with { Closed = true }) { Then = Attach() };

    /// <summary>Killed; then the next writer takes the arena over.</summary>
    public static ArenaOperation KillAndOpen() =>
        new("kill", _ => true, process => process.Kill(), model => model) { Then = Attach() };

    public static PersistentDictionary Dictionary(PersistentRegion region) =>
        PersistentDictionary.OpenOrCreate(PersistentHeap.Open(region), "keys");

    private static ArenaOperation Attach() => new("open", _ => true, process => process.Open(),
        model => model with { Closed = false });

    /// <summary>Writes the words that a region is known by.</summary>
    private static unsafe ArenaOperation Write(string name, long length, int seed)
    {
        static ulong Word(long place, int seed) => ((ulong)place + (ulong)seed) * 0x9E37_79B9_7F4A_7C15;
        IEnumerable<long> Places(long now) => RegionModel.Places(length < 0 ? now : length);
        return new(
            $"write to {name}",
            _ => true,
            process =>
            {
                PersistentRegion region = process.Region(name);
                foreach (long place in Places(region.Length))
                {
                    Persist.Publish((ulong*)(region.Address + (nint)place), Word(place, seed));
                }
            },
            model => model.With(name, model.Regions[name] with { Words = model.Regions[name].Words.SetItems(
                Places(model.Regions[name].Length).Select(place => KeyValuePair.Create(place, Word(place, seed)))) }));
    }
}
