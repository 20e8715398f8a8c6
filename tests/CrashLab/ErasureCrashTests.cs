using static GuestMemFs.CrashLab.DictionaryOperation;

namespace GuestMemFs.CrashLab;

/// <summary>
/// A heap that erases, killed after every store: the next attach leaves no letter of what is in no record, and neither
/// does one that is killed itself and done again.
/// </summary>
public sealed class ErasureCrashTests
{
    public static TheoryData<string> Beginnings => [.. DictionaryCrashTests.BeginningNames];

    [Theory]
    [MemberData(nameof(Beginnings))]
    public void Every_store_of_every_operation(string beginning)
    {
        using DictionaryLab lab = new(2 << 20, "erasure", erases: true);
        DictionaryCrashTests.Begin(lab, beginning);
        var start = lab.Save();
        for (int i = 0; i < DictionaryCrashTests.Alphabet.Length; i++)
        {
            // A set, a removal, an expiry, a move and both groups: what a second crash comes into.
            lab.CrashRecoveryToo = beginning == "overflow of one" && i is 1 or 4 or 8 or 12 or 13 or 14;
            lab.Restore(start, beginning);
            lab.Explore(DictionaryCrashTests.Alphabet[i]);
        }
    }

    [Fact]
    public void Every_store_of_two_operations_one_after_the_other()
    {
        using DictionaryLab lab = new(2 << 20, "erasure", erases: true)
        {
            CrashRecoveryToo = false,
            Reorder = new Random(31),
        };
        DictionaryCrashTests.Begin(lab, "overflow of one");
        var start = lab.Save();
        foreach (int first in (int[])[1, 5, 12, 14])
        {
            lab.Restore(start, "overflow of one");
            lab.Do(DictionaryCrashTests.Alphabet[first]);
            var second = lab.Save();
            foreach (int next in (int[])[0, 4, 8, 10, 13, 14])
            {
                lab.Restore(second, $"overflow of one | {DictionaryCrashTests.Alphabet[first]}");
                lab.Explore(DictionaryCrashTests.Alphabet[next]);
            }
        }
    }

    [Fact]
    public void Every_store_of_changes_among_many_records()
    {
        using DictionaryLab lab = new(2 << 20, "erasure", erases: true) { CrashRecoveryToo = false };
        for (int i = 0; i < 40; i++)
        {
            lab.Do(Set("many" + i, new string('m', i % 7 * 11)));
        }

        for (int i = 0; i < 40; i += 9)
        {
            lab.Explore(Set("many" + i, new string('h', i % 5 * 29)));
            lab.Explore(Remove("many" + (i + 1)));
        }

        lab.Explore(Clear());
    }
}
