using System.Text;
using GuestMemFs.Collections;
using GuestMemFs.Format;
using GuestMemFs.Inspection;

namespace GuestMemFs.CrashLab.Damage;

/// <summary>
/// One damaged byte of a heap, and what became of it. The outcome is: <c>identical</c>, <c>refused at the heap's
/// open</c> or <c>at a dictionary's open</c>, <c>refused at use</c> (with a reason code too), or <c>found by the deep
/// check</c> (reads miss a key or count wrong, and the verifier says what is broken). All else is a failure: an
/// exception without a reason, a wrong value, a key that was never there, or damage that shows and that the verifier
/// does not find.
/// </summary>
internal sealed unsafe class DamageTrial : IDisposable
{
    /// <summary>
    /// The outcome where a read by offset is refused as a wrong argument: the offset came from an application's own
    /// bytes.
    /// </summary>
    public const string NoObject = "refused at use as no object of the heap's";

    private readonly DamageImage _image;
    private readonly LabSpace _space = new(DamageImage.Length);
    private readonly byte[][] _absent = [.. Enumerable.Range(0, 6).Select(i => Encoding.UTF8.GetBytes("absent " + i))];
    private readonly List<(string Name, byte[] Key, byte[]?[] Values)> _keys;
    private readonly List<(string Name, byte[] Key, byte[]?[] Values)> _others;
    private readonly List<(string Name, byte[] Key, byte[]?[] Values)> _sorted;
    private string? _firstRefusal;
    private int _missing;

    public DamageTrial(DamageImage image)
    {
        _image = image;
        _keys = Expected(image.Keys);
        _others = Expected(image.Others);
        _sorted = Expected(image.Sorted);
        _space.Load(image.Image);
    }

    public Span<byte> Bytes => _space.Bytes;

    /// <summary>Tries the memory as it is, then puts it back.</summary>
    /// <param name="largeGroup">With a group that its log has to grow for.</param>
    /// <param name="underOpenHeap">Damages an open heap.</param>
    public string Run(bool largeGroup = false, Crafting? underOpenHeap = null)
    {
        Persist.Trace = _space;
        _firstRefusal = null;
        _missing = 0;
        try
        {
            return Try(largeGroup, underOpenHeap);
        }
        finally
        {
            Persist.Trace = null;
            _space.GoBack(0);
        }
    }

    public void Dispose() => _space.Dispose();

    private string Try(bool largeGroup, Crafting? underOpenHeap)
    {
        _space.Rewind(_image.Image);
        PersistentHeap? heap = null;
        PersistentDictionary keys, others;
        PersistentRoot<AppRoot> root;
        PersistentSortedMap sorted;
        try
        {
            heap = PersistentHeap.Open(_space);
            underOpenHeap?.Invoke(Bytes);
            keys = DamageImage.Open(heap, "keys");
            others = DamageImage.Open(heap, "others");
            root = heap.OpenOrCreateRoot<AppRoot>("application");
            sorted = DamageImage.OpenMap(heap);
        }
        catch (ArenaException refused)
        {
            return $"refused at {(heap is null ? "the heap" : "a dictionary")}'s open {refused.ReasonCode}";
        }

        string application = ReadRoot(heap, root);
        ReadAll(keys, _keys);
        ReadAll(others, _others);
        ReadMap(sorted);
        bool counts = _keys.Any(key => key.Values.Length > 1)
            || (keys.Count == _keys.Count && others.Count == _others.Count);
        counts &= MapCounts(sorted);
        bool verified = Verify(heap);
        int missing = _missing;
        string? refusal = _firstRefusal;
        Write(keys, _keys);
        Write(others, _others);
        WriteMap(sorted);
        if (largeGroup)
        {
            WriteLargeGroup(keys);
        }

        ReadAll(keys, _keys, afterWrites: true);
        if (missing > 0 || !counts)
        {
            return refusal is not null ? "refused at use " + refusal
                : !verified ? "found by the deep check"
                : throw new DamageFailure(missing > 0 ? $"{missing} keys are missing, and the verifier finds nothing"
                    : "the count is wrong, and the verifier finds nothing");
        }

        return refusal is not null ? "refused at use " + refusal
            : _firstRefusal is not null ? "refused at write " + _firstRefusal
            : application.Length > 0 ? application
            : !verified ? "identical, and found by the deep check"
            : "identical";
    }

    private string ReadRoot(PersistentHeap heap, PersistentRoot<AppRoot> root)
    {
        try
        {
            AppRoot value = root.Value;
            if (!heap.ReadBytes(value.Text).SequenceEqual("hangs on the root"u8) || value.Number != 77)
            {
                return "an application's own field"; // its bytes are data to the heap
            }
        }
        catch (Exception error) when (error is ArenaException or ArgumentException)
        {
            _firstRefusal ??= error is ArenaException { ReasonCode: var code } ? code
                : NoObject["refused at use ".Length..];
        }

        return "";
    }

    private void ReadAll(PersistentDictionary dictionary, List<(string Name, byte[] Key, byte[]?[] Values)> expected,
        bool afterWrites = false)
    {
        CompareReader one;
        foreach ((string name, byte[] key, byte[]?[] values) in expected)
        {
            try
            {
                one = new CompareReader(values);
                Judge(name, values, dictionary.TryRead(key, ref one) ? one.Found : default, afterWrites);
            }
            catch (ArenaException refused)
            {
                _firstRefusal ??= refused.ReasonCode;
                _missing++;
            }
        }

        foreach (byte[] key in _absent)
        {
            try
            {
                if (dictionary.ContainsKey(key))
                {
                    throw new DamageFailure($"{Encoding.UTF8.GetString(key)} is there, and never was");
                }
            }
            catch (ArenaException refused)
            {
                _firstRefusal ??= refused.ReasonCode;
            }
        }

        try
        {
            BatchReader batch = new(expected, new Found[expected.Count]);
            dictionary.ReadMany(ref batch);
            for (int i = 0; i < expected.Count; i++)
            {
                Judge(expected[i].Name, expected[i].Values, batch.Results[i], afterWrites);
            }
        }
        catch (ArenaException refused)
        {
            _firstRefusal ??= refused.ReasonCode;
        }

        Visitor visitor = new(expected);
        try
        {
            for (ulong cursor = dictionary.Scan(0, 64, ref visitor); cursor != 0;)
            {
                cursor = dictionary.Scan(cursor, 64, ref visitor);
            }

            if (!afterWrites && visitor.Unknown is { } unknown)
            {
                _missing++;
                _unknown = unknown;
            }

            dictionary.TryVisitRandom(ref visitor);
        }
        catch (ArenaException refused)
        {
            _firstRefusal ??= refused.ReasonCode;
        }
    }

    /// <summary>Each key, in both directions: in order, and none that never was.</summary>
    private void ReadMap(PersistentSortedMap map)
    {
        foreach ((string name, byte[] key, byte[]?[] values) in _sorted)
        {
            Refusable(() =>
            {
                var one = new CompareReader(values);
                Judge(name, values, map.TryRead(key, ref one) ? one.Found : default, afterWrites: false);
            }, missing: true);
        }

        foreach (byte[] key in _absent)
        {
            Refusable(() =>
            {
                if (map.ContainsKey(key))
                {
                    throw new DamageFailure($"{Encoding.UTF8.GetString(key)} is in the map, and never was");
                }
            });
        }

        Refusable(() => Walk(map.Scan(), _sorted));
        Refusable(() => Walk(map.ScanDescending(), [.. _sorted.AsEnumerable().Reverse()]));
    }

    /// <summary>What a walk shows has to be what is there, in order; what it does not show is missing.</summary>
    private void Walk(SortedMapCursor cursor, List<(string Name, byte[] Key, byte[]?[] Values)> expected)
    {
        int next = 0;
        while (cursor.MoveNext())
        {
            byte[] key = cursor.Current.Key.ToArray();
            int at = expected.FindIndex(next, one => one.Key.AsSpan().SequenceEqual(key));
            if (at < 0)
            {
                _missing++; // another key, or out of order: the deep check has to find it
                return;
            }

            if (!cursor.Current.Value.SequenceEqual(expected[at].Values[0]))
            {
                throw new DamageFailure($"a walk shows '{expected[at].Name}' with another value");
            }

            _missing += at - next;
            next = at + 1;
        }

        _missing += expected.Count - next;
    }

    private bool MapCounts(PersistentSortedMap map)
    {
        bool right = true;
        Refusable(() =>
        {
            right = map.Count == _sorted.Count;
            for (int i = 0; i < _sorted.Count && right; i += 7)
            {
                right = map.Rank(_sorted[i].Key) == i;
            }
        });
        return right;
    }

    private void WriteMap(PersistentSortedMap map)
    {
        for (int i = 0; i < 30; i++)
        {
            byte[] key = Encoding.UTF8.GetBytes($"{DamageImage.MapKey}{i}");
            MutateMap(map, key, m => m.Set(key, "written 1"u8), "written 1");
        }

        for (int i = 0; i < _sorted.Count; i += 2)
        {
            byte[] key = _sorted[i].Key;
            MutateMap(map, key, m => m.Set(key, "written 2, somewhat longer"u8), "written 2, somewhat longer");
            MutateMap(map, key, m => m.Remove(key), null);
        }

        Refusable(() =>
        {
            using AtomicGroup group = map.BeginAtomic();
            map.Set(_sorted[1].Key, "written 1"u8);
            map.Remove(_sorted[3].Key);
        });
    }

    private void MutateMap(PersistentSortedMap map, byte[] key, Action<PersistentSortedMap> mutate, string? value) =>
        Refusable(() =>
        {
            mutate(map);
            byte[]? found = map.Get(key);
            if ((found is null ? null : Encoding.UTF8.GetString(found)) != value)
            {
                throw new DamageFailure($"{Encoding.UTF8.GetString(key)} was written into the map and reads otherwise");
            }
        });

    private void Refusable(Action action, bool missing = false)
    {
        try
        {
            action();
        }
        catch (ArenaException refused)
        {
            _firstRefusal ??= refused.ReasonCode;
            _missing += missing ? 1 : 0;
        }
    }

    private string? _unknown;

    private void Judge(string name, byte[]?[] values, Found found, bool afterWrites)
    {
        if (!found.There)
        {
            _missing += values.Contains(null) ? 0 : 1;
        }
        else if (found.Other is { } other && !(afterWrites && s_written.Contains(Encoding.UTF8.GetString(other))))
        {
            string begin = Encoding.UTF8.GetString(other.AsSpan(0, Math.Min(30, other.Length)));
            throw new DamageFailure(
                $"'{name}' reads as {other.Length} bytes '{begin}'{(afterWrites ? " after writes" : "")}");
        }
    }

    /// <summary>What a read found: nothing, one of the values that may be there, or another.</summary>
    private readonly record struct Found(bool There, byte[]? Other)
    {
        public static Found In(in RecordView record, byte[]?[] values)
        {
            Span<byte> digits = stackalloc byte[20];
            int length = 0;
            if (record.IsInteger)
            {
                record.Integer.TryFormat(digits, out length, default,
                    System.Globalization.CultureInfo.InvariantCulture);
            }

            ReadOnlySpan<byte> value = record.IsInteger ? digits[..length] : record.Value;
            foreach (byte[]? expected in values)
            {
                if (expected is not null && value.SequenceEqual(expected))
                {
                    return new Found(true, null);
                }
            }

            return new Found(true, value.ToArray());
        }
    }

    private static bool Verify(PersistentHeap heap)
    {
        try
        {
            return HeapVerifier.Verify(heap).Count == 0;
        }
        catch (ArenaException)
        {
            return false;
        }
    }

    private static readonly HashSet<string> s_written = ["written 1", "written 2, somewhat longer", "5", "1005"];

    /// <summary>Writes that succeed must be there; writes that are refused need a reason.</summary>
    private void Write(PersistentDictionary dictionary, List<(string Name, byte[] Key, byte[]?[] Values)> expected)
    {
        for (int i = 0; i < expected.Count; i += 4)
        {
            byte[] key = expected[i].Key;
            Mutate(dictionary, key, (d, k) => d.Set(k, "written 1"u8), "written 1");
        }

        Mutate(dictionary, "fresh 1"u8.ToArray(), (d, k) => d.Set(k, "written 2, somewhat longer"u8),
            "written 2, somewhat longer");
        Mutate(dictionary, "fresh 2"u8.ToArray(), (d, k) => d.Increment(k, 5), "5");
        Mutate(dictionary, Encoding.UTF8.GetBytes(DamageImage.Same(14)), (d, k) => d.Set(k, "written 1"u8),
            "written 1");
        Mutate(dictionary, expected[1].Key, (d, k) => d.Remove(k), null);
        Mutate(dictionary, expected[2].Key, (d, k) =>
            d.Expire(k, DateTimeOffset.FromUnixTimeMilliseconds(DamageImage.Later)), "", anyValue: true);
        Mutate(dictionary, expected[3].Key, (d, k) =>
        {
            using AtomicGroup group = d.BeginAtomic();
            d.Set(k, "written 1"u8);
            d.Remove("fresh 2"u8);
        }, "", anyValue: true);
        Mutate(dictionary, "fresh 3"u8.ToArray(), (d, k) =>
        {
            using AtomicGroup group = d.BeginAtomic();
            d.Set(k, "written 1"u8);
            d.Set("fresh 2"u8, "written 1"u8);
            group.Commit();
        }, "written 1");
        Mutate(dictionary, "fresh 4"u8.ToArray(), (d, k) =>
        {
            d.CollectGarbage(2000);
            d.RemoveExpired(1024);
        }, null);
        if (ReferenceEquals(expected, _others))
        {
            Mutate(dictionary, expected[0].Key, (d, _) => d.Clear(), null);
            Mutate(dictionary, expected[0].Key, (d, k) => d.Set(k, "written 1"u8), "written 1");
        }
    }

    /// <summary>
    /// More changes than a group's log has room for at first, then blocks of all sizes: one that was given back as
    /// larger than it is would be other records' too.
    /// </summary>
    private void WriteLargeGroup(PersistentDictionary dictionary)
    {
        static byte[] Key(int i) => Encoding.UTF8.GetBytes("of a large group " + i);
        static byte[] Value(int i) => Encoding.UTF8.GetBytes(new string((char)('a' + (i % 26)), i % 10 == 0 ? 990 : i));
        const int Count = 100;
        for (int turn = 0; turn < 2; turn++)
        {
            Mutate(dictionary, Key(0), (d, _) =>
            {
                using AtomicGroup group = d.BeginAtomic();
                for (int i = 0; i < Count; i++)
                {
                    d.Set(Key(i), Value(i));
                }

                group.Commit();
            }, "", anyValue: true);
        }

        for (int i = 0; i < Count; i++)
        {
            try
            {
                if (dictionary.Get(Key(i)) is { } value && !value.AsSpan().SequenceEqual(Value(i)))
                {
                    throw new DamageFailure($"{Encoding.UTF8.GetString(Key(i))} reads as another value");
                }
            }
            catch (ArenaException refused)
            {
                _firstRefusal ??= refused.ReasonCode;
            }
        }
    }

    private void Mutate(PersistentDictionary dictionary, byte[] key, Action<PersistentDictionary, byte[]> mutate,
        string? value, bool anyValue = false)
    {
        bool done = false;
        try
        {
            mutate(dictionary, key);
            done = true;
            byte[]? found = dictionary.Get(key);
            if (!anyValue
                && (value is null ? found is not null : found is null || Encoding.UTF8.GetString(found) != value))
            {
                string read = found is null ? "nothing"
                    : Encoding.UTF8.GetString(found.AsSpan(0, Math.Min(found.Length, 30)));
                throw new DamageFailure(
                    $"{Encoding.UTF8.GetString(key)} was written as '{value}' and reads as '{read}'");
            }
        }
        catch (ArenaException refused)
        {
            _firstRefusal ??= refused.ReasonCode;
            _ = done;
        }
    }

    private static List<(string Name, byte[] Key, byte[]?[] Values)> Expected(
        SortedDictionary<string, string?[]> keys) =>
        [.. keys.Select(pair => (pair.Key, Encoding.UTF8.GetBytes(pair.Key),
            pair.Value.Select(value => value is null ? null : Encoding.UTF8.GetBytes(value)).ToArray()))];

    private struct CompareReader(byte[]?[] values) : IRecordReader
    {
        public Found Found { get; private set; }

        public void Read(in RecordView record) => Found = Found.In(record, values);
    }

    private readonly struct BatchReader(List<(string Name, byte[] Key, byte[]?[] Values)> keys, Found[] results)
        : IBatchReader
    {
        public Found[] Results => results;

        public int Count => keys.Count;

        public ReadOnlySpan<byte> KeyAt(int index) => keys[index].Key;

        public void Read(int index, in RecordView record) =>
            results[index] = record.Exists ? Found.In(record, keys[index].Values) : default;
    }

    private struct Visitor(List<(string Name, byte[] Key, byte[]?[] Values)> keys) : IRecordVisitor
    {
        public string? Unknown { get; private set; }

        public void Visit(in RecordView record)
        {
            foreach ((_, byte[] key, _) in keys)
            {
                if (record.Key.SequenceEqual(key))
                {
                    return;
                }
            }

            Unknown = Encoding.UTF8.GetString(record.Key);
        }
    }
}

/// <summary>What damage must never lead to.</summary>
internal sealed class DamageFailure(string message) : Exception(message)
{
    /// <summary>A failure on one line; one that the sweep did not look for with where it came from.</summary>
    public static string Of(Exception error)
    {
        string text = error.Message.ReplaceLineEndings(" ");
        string trace = (error.StackTrace ?? "").ReplaceLineEndings(" ");
        return error is DamageFailure ? text : $"{error.GetType().Name}: {text} {trace}";
    }
}
