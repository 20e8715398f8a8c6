using GuestMemFs.Collections;
using GuestMemFs.Format;
using GuestMemFs.Heap;

namespace GuestMemFs.CrashLab.Damage;

/// <summary>What it does to a heap's memory.</summary>
internal delegate void Crafting(Span<byte> heap);

/// <summary>
/// A damage of more than a byte, whose checksums fit: what a copy gone wrong, a bug or a hand can do. It is aimed at a
/// check that no single byte reaches, because another one stands before it.
/// </summary>
internal sealed record DamageCraft(string Name, Promise Promise, Crafting Apply)
{
    /// <summary>It happens to a heap that is open already, before its dictionaries are.</summary>
    public bool UnderOpenHeap { get; init; }

    /// <summary>Those that make sense for an image.</summary>
    public static IEnumerable<DamageCraft> Of(DamageImage image) => image.Name switch
    {
        DamageImage.AtRest => AtRest(image),
        DamageImage.InOpenGroup => InOpenGroup(image),
        _ => [],
    };

    private static IEnumerable<DamageCraft> InOpenGroup(DamageImage image)
    {
        long entry = image.Metadata.First(part => part.What == "group log").Offset + GroupLog.EntriesOffset;
        yield return new("a group's entry, sealed, whose new block is outside the heap", Promise.HeapOpen, heap =>
            Word(heap, entry + 8) = SealedOffset.Seal(1L << 46, 1));
        yield return new("a group's entry, sealed, of a word outside the heap", Promise.HeapOpen, heap =>
            Word(heap, entry + 16) = SealedOffset.Seal((1L << 46) | GroupEntry.OfWord, 2));
    }

    private static IEnumerable<DamageCraft> AtRest(DamageImage image)
    {
        // A block's header is its first part, and the first one with a promise.
        long overflow = image.Metadata.First(part => part is { What: "overflow block", Promise: Promise.Use }).Offset;
        long[] dictionaries = [.. image.Metadata.Where(part => part is { What: "dictionary", Promise: Promise.Open })
            .Select(part => part.Offset)];
        long keys = SealedOffset.Get(Word(image.Image.Bytes, dictionaries[0] + DictionaryFormat.CurrentOffset));
        long firstSegment = keys + HeapPlaces.Segments;
        const long Lane = HeapFormat.LanesOffset + (5 * HeapFormat.LaneLength);
        yield return new("an overflow block that links to itself", Promise.Use,
            heap => Word(heap, overflow + 8 + (Slot.Last * 8)) = Slot.Link(overflow));
        yield return new("the table of another dictionary", Promise.Open,
            heap => Word(heap, dictionaries[0] + DictionaryFormat.CurrentOffset) = Word(heap,
                dictionaries[1] + DictionaryFormat.CurrentOffset));
        yield return new("a segment that is gone", Promise.Open, heap => Word(heap, firstSegment) = 0);
        yield return new("a segment that is a table, sealed", Promise.Use,
            heap => Word(heap, firstSegment) = SealedOffset.Seal(keys, firstSegment));
        foreach ((int word, string what) in ((int, string)[])[(IntentWord.Slot, "publishes"),
            (IntentWord.New, "frees")])
        {
            yield return new($"an intent, sealed, that {what} a word outside the heap", Promise.HeapOpen, heap =>
            {
                Word(heap, Lane + (word * 8)) = 1UL << 46;
                SealIntent(heap, Lane);
            });
        }

        long descriptor = image.Metadata.First(part => part.What == "page table").Offset;
        yield return new("a run of more pages than there are, sealed", Promise.Use,
            heap => Word(heap, descriptor) = PageDescriptor.Run(1 << 20).Encode(HeapFormat.FirstPage));
        long log = image.Metadata.First(part => part.What == "group log").Offset;
        yield return new("a group's log that says it is twice as long", Promise.HeapOpen,
            heap => Word(heap, log) = BlockHeader.Sized(BlockHeader.TypeOwnedGroupLog,
                GroupLog.BlockSize(2 * GroupLog.FirstCapacity)));
        const long FirstRoot = HeapFormat.RootsOffset;
        yield return new("the first root's layout", Promise.Open,
            heap => Word(heap, FirstRoot + 32) ^= 1) { UnderOpenHeap = true };
        yield return new("where the first root lies", Promise.Open,
            heap => Word(heap, FirstRoot + HeapPlaces.RootOffset) ^= 1UL << 63) { UnderOpenHeap = true };
        long application = HeapFormat.RootsOffset + (2 * HeapFormat.RootLength) + HeapPlaces.RootOffset;
        long app = SealedOffset.Get(Word(image.Image.Bytes, application));
        yield return new("a root object of another type", Promise.Use,
            heap => Word(heap, app) = (Word(heap, app) & ~0xFFUL) | BlockHeader.TypeOverflow);
        yield return new("a root outside the heap, sealed", Promise.Open,
            heap => Word(heap, application) = SealedOffset.Seal(1L << 46, application));
    }

    private static unsafe void SealIntent(Span<byte> heap, long lane)
    {
        // Any word will do as the one that publishes, where it is not the damaged one: it does not hold the value.
        ref ulong slot = ref Word(heap, lane + (IntentWord.Slot * 8));
        slot = slot == 0 ? HeapFormat.RootsOffset + HeapPlaces.RootOffset : slot;
        Word(heap, lane) = IntentWord.Active;
        fixed (byte* words = heap[(int)lane..])
        {
            Word(heap, lane) = IntentWord.Seal((ulong*)words);
        }
    }

    private static unsafe ref ulong Word(Span<byte> heap, long offset)
    {
        if (offset < 0 || offset > heap.Length - sizeof(ulong))
        {
            throw new ArgumentOutOfRangeException(nameof(offset));
        }

        return ref System.Runtime.CompilerServices.Unsafe.As<byte, ulong>(ref heap[(int)offset]);
    }
}
