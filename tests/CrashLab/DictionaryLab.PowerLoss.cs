namespace GuestMemFs.CrashLab;

/// <summary>
/// Losses of power: a store is durable after the next fence, and until then each of its 8-byte words may be there or
/// not; a publishing store is alone between two fences. What the operation before left without a fence is still open
/// when the next one begins, and what an operation returned from has to be there whichever of its last words are.
/// </summary>
internal sealed unsafe partial class DictionaryLab
{
    private const int ExhaustiveWords = 4;
    private const int Samples = 5;

    private readonly List<RecordedStore> _floating = [];

    /// <summary>What is durable for certain; null where it is not known, and then all is.</summary>
    private byte[]? _durable;

    /// <summary>Where set, crashes are losses of power. Samples are drawn from it.</summary>
    public Random? PowerLoss { get; set; }

    private void ExplorePowerLoss(Image before, StoreTrace trace, DictionaryModel old)
    {
        if (_durable is null)
        {
            _durable = before.Bytes;
            _floating.Clear();
        }

        Image crash = before with { Bytes = _durable };
        for (int i = 0; i < trace.Stores.Count; i++)
        {
            RecordedStore store = trace.Stores[i];
            if (!store.Publishes)
            {
                _floating.Add(store);
                continue;
            }

            Subsets(crash, old, $"power lost before the fence of store {i} of {trace.Stores.Count}");
            foreach (RecordedStore fenced in _floating)
            {
                fenced.Bytes.CopyTo(_durable.AsSpan((int)fenced.Offset));
            }

            _floating.Clear();
            Subsets(crash, old, $"power lost at the publishing store {i} of {trace.Stores.Count}");
            store.Bytes.CopyTo(_durable.AsSpan((int)store.Offset));
        }

        Subsets(crash, null, $"power lost after all {trace.Stores.Count} stores");
    }

    private void Subsets(Image crash, DictionaryModel? old, string when)
    {
        List<(RecordedStore Store, int From, int Length)> words = [];
        foreach (RecordedStore store in _floating)
        {
            int piece = store.Bytes.Length <= 1024 ? sizeof(ulong) : Math.Max(64, store.Bytes.Length / 64 & -64);
            for (int from = 0; from < store.Bytes.Length;)
            {
                int length = Math.Min(store.Bytes.Length - from, piece - (int)((store.Offset + from) % sizeof(ulong)));
                words.Add((store, from, length));
                from += length;
            }
        }

        bool exhaustive = words.Count <= ExhaustiveWords;
        int subsets = words.Count == 0 ? 1 : exhaustive ? 1 << words.Count : Samples;
        byte[] durable = crash.Bytes;
        for (int subset = 0; subset < subsets; subset++)
        {
            Image state = crash with { Bytes = (byte[])durable.Clone() };
            int there = 0;
            int density = PowerLoss!.Next(1, 8);
            for (int i = 0; i < words.Count; i++)
            {
                if (exhaustive ? (subset >> i & 1) != 0
                    : subset switch { 0 => false, 1 => true, _ => PowerLoss.Next(8) < density })
                {
                    (RecordedStore store, int from, int length) = words[i];
                    store.Bytes.AsSpan(from, length).CopyTo(state.Bytes.AsSpan((int)store.Offset + from));
                    there++;
                }
            }

            _crashed.Load(state);
            Check(_crashed, old, $"{when}, with {there} of {words.Count} words (subset {subset})");
        }
    }
}
