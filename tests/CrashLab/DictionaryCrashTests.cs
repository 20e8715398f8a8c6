using System.Text;
using GuestMemFs.Collections;
using static GuestMemFs.CrashLab.DictionaryOperation;

namespace GuestMemFs.CrashLab;

/// <summary>Crash after every store of every mutating operation of a dictionary, alone and in all sequences of up to three.</summary>
public sealed class DictionaryCrashTests(ITestOutputHelper output)
{
    private const long Later = 2_000_000;

    // Keys of one bucket, so that seven of them fill it.
    private static readonly string[] s_same = [.. SameBucket().Take(16)];

    private static readonly DictionaryOperation[] s_alphabet =
    [
        Set(s_same[0], "short"),
        Set(s_same[0], new string('x', 300)),
        Set(s_same[1], new string('y', 40_000)),
        Set(s_same[8], "expiring", Later),
        Remove(s_same[0]),
        Remove(s_same[6]),
        Remove(s_same[8]),
        Increment("n", 5),
        Expire(s_same[0], Later),
        Expire(s_same[8], 0),
        Clear(),
        Collect(600),
        Group(commit: true, Set(s_same[0], "in group"), Remove(s_same[1]), Set(s_same[9], "new"), Increment("n", 1)),
        Group(commit: false, Set(s_same[0], "in group"), Set(s_same[0], "twice"), Remove(s_same[2]), Set(s_same[10], "new"), Expire(s_same[0], Later)),
    ];

    public static TheoryData<string> Beginnings => ["empty", "full bucket", "overflow of one", "long chain", "integers"];

    [Theory]
    [MemberData(nameof(Beginnings))]
    public void Every_store_of_every_sequence_of_up_to_three_operations(string beginning)
    {
        long before = DictionaryLab.States;
        using DictionaryLab lab = new(2 << 20);
        Begin(lab, beginning);
        var start = lab.Save();
        foreach (DictionaryOperation first in s_alphabet)
        {
            lab.Restore(start, beginning);
            lab.CrashRecoveryToo = true;
            lab.Explore(first);
            var second = lab.Save();
            foreach (DictionaryOperation next in s_alphabet)
            {
                lab.Restore(second, $"{beginning} | {first}");
                lab.Explore(next);
                var third = lab.Save();
                lab.CrashRecoveryToo = false; // looked into for each pair already
                foreach (DictionaryOperation last in s_alphabet)
                {
                    lab.Restore(third, $"{beginning} | {first} | {next}");
                    lab.Explore(last);
                }

                lab.CrashRecoveryToo = true;
            }
        }

        output.WriteLine($"{beginning}: {DictionaryLab.States - before} crash states");
    }

    [Fact]
    public void Every_store_of_growth()
    {
        long before = DictionaryLab.States;
        using DictionaryLab lab = new(4 << 20);
        for (int i = 0; i < 5_690; i++)
        {
            lab.Do(Set("k" + i, "v"));
        }

        for (int i = 0; i < 64; i++)
        {
            // The threshold lies at 5,735 keys, and is looked at now and then.
            DictionaryOperation set = Set("more" + i, "v");
            if (i is > 45 and < 54)
            {
                lab.Explore(set);
            }
            else
            {
                lab.Do(set);
            }
        }

        output.WriteLine($"growth: {DictionaryLab.States - before} crash states");
    }

    private static void Begin(DictionaryLab lab, string beginning)
    {
        int same = beginning switch { "full bucket" => 7, "overflow of one" => 8, "long chain" => 15, _ => 0 };
        for (int i = 0; i < same; i++)
        {
            lab.Do(Set(s_same[i], "value " + i));
        }

        if (beginning == "integers")
        {
            lab.Do(Increment("n", 1));
            lab.Do(Increment(s_same[0], 7));
            lab.Do(Set(s_same[8], "text", Later));
        }
    }

    private static IEnumerable<string> SameBucket()
    {
        SipHash hash = new(0xFEDC_BA98_7654_3210, 0x0123_4567_89AB_CDEF);
        for (int i = 0; ; i++)
        {
            string key = "key" + i;
            if ((hash.Hash(Encoding.UTF8.GetBytes(key)) & 1023) == 77)
            {
                yield return key;
            }
        }
    }
}
