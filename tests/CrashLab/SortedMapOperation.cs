using System.Globalization;
using System.Text;
using GuestMemFs.Heap;

namespace GuestMemFs.CrashLab;

/// <summary>A mutating operation, on a sorted map (or the dictionary beside it) and on the model alike.</summary>
internal sealed record SortedMapOperation(string Name, Action<SortedMapPair> Run, Action<SortedMapModel> Model)
    : LabOperation<SortedMapPair, SortedMapModel>(Name, Run, Model)
{
    public override string ToString() => Name;

    public static SortedMapOperation Set(string key, string value, long expiresAt = 0) => new(
        $"set {key} ({value.Length} bytes{(expiresAt == 0 ? "" : $" until {expiresAt}")})",
        pair => pair.Map.Set(
            Bytes(key), Bytes(value), expiresAt == 0 ? null : DateTimeOffset.FromUnixTimeMilliseconds(expiresAt)),
        model => model.Entries[key] = (value, expiresAt));

    public static SortedMapOperation Remove(string key) => new(
        $"remove {key}",
        pair => pair.Map.Remove(Bytes(key)),
        model => model.Entries.Remove(key));

    public static SortedMapOperation Increment(string key) => new(
        $"increment {key}",
        pair => pair.Map.Increment(Bytes(key)),
        model =>
        {
            (string value, long expiresAt) = model.Entries.TryGetValue(key, out var entry) ? entry : ("0", 0);
            model.Entries[key] = ((int.Parse(value, null) + 1).ToString(CultureInfo.InvariantCulture), expiresAt);
        });

    public static SortedMapOperation Expire(string key, long expiresAt) => new(
        $"expire {key} at {expiresAt}",
        pair => pair.Map.Expire(Bytes(key), expiresAt == 0 ? null : DateTimeOffset.FromUnixTimeMilliseconds(expiresAt)),
        model =>
        {
            if (model.Entries.TryGetValue(key, out var entry))
            {
                model.Entries[key] = (entry.Value, expiresAt);
            }
        });

    /// <summary>Sets a record of the dictionary beside the map.</summary>
    public static SortedMapOperation Beside(string key, string value) => new(
        $"set {key} beside it",
        pair => pair.Dictionary.Set(Bytes(key), Bytes(value)),
        model => model.Beside.Records[key] = (value, 0));

    /// <summary>Moves every record, as compaction does.</summary>
    public static SortedMapOperation Move() => new("move", MoveAll, _ => { });

    public static SortedMapOperation Group(bool commit, params SortedMapOperation[] operations) => new(
        OperationGroup.Name(commit, operations.Select(operation => operation.Name)),
        pair => OperationGroup.Run(pair.Heap, commit,
            () => Array.ForEach(operations, operation => operation.Run(pair))),
        model =>
        {
            if (commit)
            {
                Array.ForEach(operations, operation => operation.Model(model));
            }
        });

    private static void MoveAll(SortedMapPair pair)
    {
        Lane lane = pair.Heap.TakeLane();
        foreach ((long block, long size) in HeapBlocks.Find(pair.Heap.Space).OrderBy(each => each.Key))
        {
            pair.Map.Core.TryMove(lane, block, size);
        }

        PersistentHeap.ReleaseLane(lane);
    }

    private static byte[] Bytes(string text) => Encoding.UTF8.GetBytes(text);
}
