namespace GuestMemFs.CrashLab;

/// <summary>
/// Crash after every store of groups that go back to a savepoint: what came after it is undone, what was before it and
/// what comes then is whole or absent.
/// </summary>
public sealed class SavepointCrashTests
{
    public static TheoryData<string, bool> OfDictionaries => Of(DictionaryCrashTests.BeginningNames);

    public static TheoryData<string, bool> OfSortedMaps => Of(SortedMapCrashTests.BeginningNames);

    public static TheoryData<string, bool> OfLogs => Of(LogCrashTests.BeginningNames);

    public static TheoryData<string, bool> OfObjects => Of(ObjectCrashTests.BeginningNames);

    [Theory, MemberData(nameof(OfDictionaries))]
    public void A_dictionary_goes_back(string beginning, bool commit)
    {
        IReadOnlyList<string> keys = DictionaryCrashTests.SameKeys;
        using DictionaryLab lab = new(2 << 20, "savepoints")
        {
            CrashRecoveryToo = IsDeep(beginning, DictionaryCrashTests.BeginningNames),
        };
        DictionaryCrashTests.Begin(lab, beginning);
        lab.ExploreSavepoint(
            DictionaryOperation.Set(keys[0], "first"),
            [
                DictionaryOperation.Set(keys[0], new string('u', 300)), DictionaryOperation.Remove(keys[1]),
                DictionaryOperation.Set(keys[9], "undone"), DictionaryOperation.Increment("n", 5),
                DictionaryOperation.Expire(keys[2], 2_000_000), DictionaryOperation.Clear(),
            ],
            DictionaryOperation.Set(keys[10], "last"),
            commit);
        lab.Explore(DictionaryOperation.Set(keys[3], "afterwards"));
    }

    [Theory, MemberData(nameof(OfSortedMaps))]
    public void A_sorted_map_goes_back(string beginning, bool commit)
    {
        using SortedMapLab lab = new("savepoints")
        {
            CrashRecoveryToo = IsDeep(beginning, SortedMapCrashTests.BeginningNames),
        };
        SortedMapCrashTests.Begin(lab, beginning);
        lab.ExploreSavepoint(
            SortedMapOperation.Set("m/05", "first"),
            [
                SortedMapOperation.Set("m/05", new string('u', 700)), SortedMapOperation.Remove("m/03"),
                SortedMapOperation.Set("m/035", "undone"), SortedMapOperation.Increment("n"),
                SortedMapOperation.Beside("d", "undone"),
            ],
            SortedMapOperation.Set("m/036", "last"),
            commit);
        lab.Explore(SortedMapOperation.Remove("m/05"));
    }

    [Theory, MemberData(nameof(OfLogs))]
    public void A_log_goes_back(string beginning, bool commit)
    {
        using LogLab lab = new("savepoints")
        {
            CrashRecoveryToo = IsDeep(beginning, LogCrashTests.BeginningNames),
        };
        LogCrashTests.Begin(lab, beginning);
        lab.ExploreSavepoint(
            LogOperation.Append("first"),
            [
                LogOperation.Append("undone"), LogOperation.TrimFirst(), LogOperation.SetPosition("reader", 3),
                LogOperation.AppendLater(new string('u', 3000)), LogOperation.Beside("d", "undone"),
                LogOperation.TrimToCount(1),
            ],
            LogOperation.Append("last"),
            commit);
        lab.Explore(LogOperation.Append("afterwards"));
    }

    [Theory, MemberData(nameof(OfObjects))]
    public void Objects_go_back(string beginning, bool commit)
    {
        using ObjectLab lab = new() { CrashRecoveryToo = IsDeep(beginning, ObjectCrashTests.BeginningNames) };
        ObjectCrashTests.Begin(lab, beginning);
        lab.ExploreSavepoint(
            ObjectOperation.Push(30),
            [
                ObjectOperation.Allocate(40), ObjectOperation.Move(), ObjectOperation.PopSecond(),
                ObjectOperation.Release(), ObjectOperation.Write("undone"), ObjectOperation.Swap(),
                ObjectOperation.Set("d", "undone"),
            ],
            ObjectOperation.Push(31),
            commit);
        lab.Explore(ObjectOperation.Pop());
    }

    // The stores of the recoveries too, from one beginning of each.
    private static bool IsDeep(string beginning, string[] names) => beginning == names[1];

    private static TheoryData<string, bool> Of(IEnumerable<string> beginnings)
    {
        TheoryData<string, bool> all = [];
        foreach (string beginning in beginnings)
        {
            all.Add(beginning, true);
            all.Add(beginning, false);
        }

        return all;
    }
}
