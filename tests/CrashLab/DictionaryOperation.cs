using System.Globalization;
using System.Text;
using GuestMemFs.Heap;

namespace GuestMemFs.CrashLab;

/// <summary>A mutating operation, on a dictionary and on its model alike.</summary>
internal sealed record DictionaryOperation(string Name, Action<PersistentDictionary> Run, Action<DictionaryModel> Model)
    : LabOperation<PersistentDictionary, DictionaryModel>(Name, Run, Model)
{
    public override string ToString() => Name;

    public static DictionaryOperation Set(string key, string value, long expiresAt = 0) => new(
        $"set {key} ({value.Length} bytes{(expiresAt == 0 ? "" : $" until {expiresAt}")})",
        dictionary => dictionary.Set(Bytes(key), Bytes(value),
            expiresAt == 0 ? null : DateTimeOffset.FromUnixTimeMilliseconds(expiresAt)),
        model => model.Records[key] = (value, expiresAt));

    public static DictionaryOperation Remove(string key) => new(
        $"remove {key}",
        dictionary => dictionary.Remove(Bytes(key)),
        model => model.Records.Remove(key));

    public static DictionaryOperation Increment(string key, long by) => new(
        $"increment {key}",
        dictionary =>
        {
            try
            {
                dictionary.Increment(Bytes(key), by);
            }
            catch (FormatException)
            {
                // Not a number: nothing changes, in the model neither.
            }
        },
        model =>
        {
            (string value, long expiresAt) = model.Records.TryGetValue(key, out var record) ? record : ("0", 0);
            if (long.TryParse(value, NumberStyles.AllowLeadingSign, CultureInfo.InvariantCulture, out long number))
            {
                model.Records[key] = ((number + by).ToString(CultureInfo.InvariantCulture), expiresAt);
            }
        });

    public static DictionaryOperation Expire(string key, long expiresAt) => new(
        $"expire {key} at {expiresAt}",
        dictionary => dictionary.Expire(Bytes(key),
            expiresAt == 0 ? null : DateTimeOffset.FromUnixTimeMilliseconds(expiresAt)),
        model =>
        {
            if (model.Records.TryGetValue(key, out var record))
            {
                model.Records[key] = (record.Value, expiresAt);
            }
        });

    /// <summary>Removes what has expired.</summary>
    public static DictionaryOperation Sweep() => new(
        "sweep",
        dictionary => dictionary.RemoveExpired(1024),
        model =>
        {
            foreach (string key in model.Records.Where(it => it.Value.ExpiresAt is > 0 and <= 1_000_000).Select(it =>
                it.Key).ToArray())
            {
                model.Records.Remove(key);
            }
        });

    public static DictionaryOperation Clear() =>
        new("clear", dictionary => dictionary.Clear(), model => model.Records.Clear());

    public static DictionaryOperation Collect(int buckets) =>
        new($"collect {buckets}", dictionary => dictionary.CollectGarbage(buckets), _ => { });

    /// <summary>Moves every record and overflow block, as compaction does.</summary>
    public static DictionaryOperation Move() => new("move", MoveAll, _ => { });

    /// <summary>Gives back what lanes keep, as the close of a heap does.</summary>
    public static DictionaryOperation GiveBack() =>
        new("give back", dictionary => dictionary.Core.Heap.Blocks.GiveUpCaches(), _ => { });

    public static DictionaryOperation Group(bool commit, params DictionaryOperation[] operations) => new(
        OperationGroup.Name(commit, operations.Select(operation => operation.Name)),
        dictionary =>
        {
            using AtomicGroup group = dictionary.BeginAtomic();
            foreach (DictionaryOperation operation in operations)
            {
                operation.Run(dictionary);
            }

            if (commit)
            {
                group.Commit();
            }
        },
        model =>
        {
            if (commit)
            {
                Array.ForEach(operations, operation => operation.Model(model));
            }
        });

    private static void MoveAll(PersistentDictionary dictionary)
    {
        PersistentHeap heap = dictionary.Core.Heap;
        Lane lane = heap.TakeLane();
        foreach ((long block, long size) in HeapBlocks.Find(heap.Space).OrderBy(pair => pair.Key))
        {
            dictionary.Core.TryMove(lane, block, size);
        }

        PersistentHeap.ReleaseLane(lane);
    }

    private static byte[] Bytes(string text) => Encoding.UTF8.GetBytes(text);
}
