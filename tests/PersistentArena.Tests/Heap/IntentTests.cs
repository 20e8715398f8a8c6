using GuestMemFs.Heap;

namespace GuestMemFs.Tests.Heap;

/// <summary>The check of an intent: recovery follows each word that it covers.</summary>
public sealed unsafe class IntentTests
{
    private const int Words = 32;

    public static TheoryData<int, uint> Covered => new(
        [
            .. Each(0, IntentWord.Slot, IntentWord.Value, IntentWord.New, IntentWord.Old),
            .. Each(IntentWord.HasCounters, IntentWord.Counters, IntentWord.Keys, IntentWord.Bytes,
                IntentWord.Expiring),
            .. Each(IntentWord.HasSecondSlot, IntentWord.SecondSlot, IntentWord.SecondValue),
            .. Each(8u << IntentWord.MoreNewShift, [.. Enumerable.Range(IntentWord.MoreNew, 8)]),
            .. Each(1u << IntentWord.MoreNewShift, IntentWord.MoreNew),
            .. Each(4u << IntentWord.MoreOldShift, [.. Enumerable.Range(IntentWord.MoreOld, 4)]),
            .. Each(1u << IntentWord.MoreOldShift, IntentWord.MoreOld),
        ]);

    [Theory]
    [MemberData(nameof(Covered))]
    public void A_change_of_a_covered_word_shows(int word, uint flags)
    {
        ulong* words = stackalloc ulong[Words];
        Fill(words, flags);
        ulong before = IntentWord.Seal(words);

        words[word] ^= 1UL << 40;

        Assert.NotEqual(before, IntentWord.Seal(words));
    }

    [Theory]
    [InlineData(0u)]
    [InlineData(1u << IntentWord.MoreNewShift)]
    [InlineData(1u << IntentWord.MoreOldShift)]
    public void What_the_operation_does_not_name_is_not_looked_at(uint flags)
    {
        ulong* words = stackalloc ulong[Words];
        Fill(words, flags);
        ulong before = IntentWord.Seal(words);

        foreach (int word in (int[])[IntentWord.Counters, IntentWord.Keys, IntentWord.SecondSlot,
            IntentWord.MoreNew + 1, IntentWord.MoreOld + 1, IntentWord.GroupLog])
        {
            words[word] ^= 1;
        }

        Assert.Equal(before, IntentWord.Seal(words));
    }

    private static void Fill(ulong* words, uint flags)
    {
        for (int i = 0; i < Words; i++)
        {
            words[i] = ((ulong)i * 0x9E37_79B9_7F4A_7C15) | 1;
        }

        words[IntentWord.Operation] = IntentWord.Active | flags;
    }

    private static IEnumerable<(int, uint)> Each(uint flags, params int[] words) =>
        words.Select(word => (word, flags));
}
