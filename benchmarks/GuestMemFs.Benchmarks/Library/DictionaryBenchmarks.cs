using System.Collections.Concurrent;
using BenchmarkDotNet.Attributes;
using KvStore.Demo;

namespace GuestMemFs.Benchmarks.Library;

/// <summary>
/// Random gets and sets of one thread, 16-byte keys, 100-byte values: the persistent dictionary against
/// <see cref="ConcurrentDictionary{TKey,TValue}"/> that holds byte arrays. A get copies the value out, in both. The
/// keys looked up lie one behind the other, so only the store's own accesses are random.
/// </summary>
[Config(typeof(Few))]
public class DictionaryBenchmarks
{
    private const int Operations = 1 << 20;
    private const int Batch = 16;
    private static ArenaFixture? s_arena;
    private static ConcurrentDictionary<byte[], byte[]>? s_managed;
    private static byte[]? s_keys;
    private readonly byte[] _target = new byte[Batch * ArenaFixture.ValueLength];
    private readonly byte[] _value = new byte[ArenaFixture.ValueLength];
    private byte[] _keys = null!;

    [GlobalSetup(Targets = [nameof(Get), nameof(GetBatched), nameof(Set)])]
    public void FillArena()
    {
        s_arena ??= new ArenaFixture(Settings.Keys);
        AppDomain.CurrentDomain.ProcessExit += (_, _) => Interlocked.Exchange(ref s_arena, null)?.Dispose();
        ChooseKeys();
    }

    [GlobalSetup(Targets = [nameof(ConcurrentDictionaryGet), nameof(ConcurrentDictionarySet)])]
    public void FillManaged()
    {
        if (s_managed is null)
        {
            var managed = new ConcurrentDictionary<byte[], byte[]>(1, Settings.Keys, new ByteStringComparer());
            var data = new Dataset(Settings.Keys, ArenaFixture.ValueLength, 1);
            for (int i = 0; i < Settings.Keys; i++)
            {
                var key = new byte[Dataset.KeyLength];
                var value = new byte[ArenaFixture.ValueLength];
                Dataset.Key(i, key);
                data.Value(i, 0, value);
                managed[key] = value;
            }

            s_managed = managed;
        }

        ChooseKeys();
    }

    [Benchmark(Baseline = true, OperationsPerInvoke = Operations)]
    public int ConcurrentDictionaryGet()
    {
        var lookup = s_managed!.GetAlternateLookup<ReadOnlySpan<byte>>();
        int found = 0;
        for (int i = 0; i < Operations; i++)
        {
            if (lookup.TryGetValue(_keys.AsSpan(i * Dataset.KeyLength, Dataset.KeyLength), out byte[]? value))
            {
                value.CopyTo(_target, 0);
                found++;
            }
        }

        return Require(found);
    }

    [Benchmark(OperationsPerInvoke = Operations)]
    public int Get()
    {
        PersistentDictionary dictionary = s_arena!.Dictionary;
        var reader = new CopyReader { Target = _target };
        int found = 0;
        for (int i = 0; i < Operations; i++)
        {
            if (dictionary.TryRead(_keys.AsSpan(i * Dataset.KeyLength, Dataset.KeyLength), ref reader))
            {
                found++;
            }
        }

        return Require(found);
    }

    [Benchmark(OperationsPerInvoke = Operations)]
    public int GetBatched()
    {
        PersistentDictionary dictionary = s_arena!.Dictionary;
        var reader = new BatchReader { Keys = _keys, Target = _target };
        for (; reader.First < Operations; reader.First += Batch)
        {
            dictionary.ReadMany(ref reader);
        }

        return Require(reader.Found);
    }

    [Benchmark(OperationsPerInvoke = Operations)]
    public void ConcurrentDictionarySet()
    {
        var lookup = s_managed!.GetAlternateLookup<ReadOnlySpan<byte>>();
        for (int i = 0; i < Operations; i++)
        {
            lookup[_keys.AsSpan(i * Dataset.KeyLength, Dataset.KeyLength)] = _value.AsSpan().ToArray();
        }
    }

    [Benchmark(OperationsPerInvoke = Operations)]
    public void Set()
    {
        PersistentDictionary dictionary = s_arena!.Dictionary;
        for (int i = 0; i < Operations; i++)
        {
            dictionary.Set(_keys.AsSpan(i * Dataset.KeyLength, Dataset.KeyLength), _value);
        }
    }

    private static int Require(int found) =>
        found == Operations ? found : throw new InvalidOperationException(
            $"{Operations - found} of {Operations} keys were not found: the figure would be of misses.");

    private void ChooseKeys()
    {
        if (s_keys is null)
        {
            var random = new Random(1);
            s_keys = new byte[Operations * Dataset.KeyLength];
            for (int i = 0; i < Operations; i++)
            {
                Dataset.Key(random.Next(Settings.Keys), s_keys.AsSpan(i * Dataset.KeyLength, Dataset.KeyLength));
            }
        }

        _keys = s_keys;
    }

    private struct CopyReader : IRecordReader
    {
        public byte[] Target;

        public readonly void Read(in RecordView record) => record.Value.CopyTo(Target);
    }

    private struct BatchReader : IBatchReader
    {
        public byte[] Keys;
        public byte[] Target;
        public int First;
        public int Found;

        public readonly int Count => Batch;

        public readonly ReadOnlySpan<byte> KeyAt(int index) =>
            Keys.AsSpan((First + index) * Dataset.KeyLength, Dataset.KeyLength);

        public void Read(int index, in RecordView record)
        {
            record.Value.CopyTo(Target.AsSpan(index * ArenaFixture.ValueLength));
            Found += record.Exists ? 1 : 0;
        }
    }
}
