using GuestMemFs.ScheduleLab.Checking;
using static GuestMemFs.ScheduleLab.Checking.Operation;

namespace GuestMemFs.ScheduleLab;

/// <summary>Sets, bytes and bitmaps, which are sorted maps with changes of their own: what reads and then writes must
/// do it under one lock, what takes several changes in one group. In the lab a chunk of bytes has 40, one of bits
/// 64.</summary>
internal static class ChunkScenarios
{
    private static readonly Part[] s_set = [SetOperation.Part];
    private static readonly Part[] s_bytes = [BytesOperation.Part];
    private static readonly Part[] s_bitmap = [BitmapOperation.Part];

    private static readonly Operation[] s_warm = [Set("warm", "some"), Remove("warm")];

    public static ScenarioTable Sets { get; } = new(
    [
        new("set-empty", [], s_warm) { Parts = s_set },
        new("set-few", [SetOperation.Add("a"), SetOperation.Add("b")], s_warm) { Parts = s_set },
    ],
    [
        new("set-add", SetOperation.Add("n")),
        new("set-add-there", SetOperation.Add("a")),
        new("set-remove", SetOperation.Remove("a")),
        new("set-remove-add", SetOperation.Remove("a"), SetOperation.Add("a")),
        new("set-contains", SetOperation.Contains("a")),
        new("set-contains-elsewhere", SetOperation.Contains("n", elsewhere: true)),
        new("set-clear", SetOperation.Clear()),
        new("set-group-back", BeginGroup(), SetOperation.Add("n"), SetOperation.Remove("b"), RollBackGroup()),
    ]);

    /// <summary>Within one chunk each call has one moment.</summary>
    public static ScenarioTable Bytes { get; } = new(
    [
        new("bytes-none", [], s_warm) { Parts = s_bytes },
        new("bytes-some", [BytesOperation.Append("0123456789")], s_warm) { Parts = s_bytes },
    ],
    [
        new("bytes-append", BytesOperation.Append("abc")),
        new("bytes-append-twice", BytesOperation.Append("d"), BytesOperation.Append("ef")),
        new("bytes-write", BytesOperation.Write(2, "XY")),
        new("bytes-write-behind", BytesOperation.Write(12, "Z")),
        new("bytes-read", BytesOperation.Read(0, 12)),
        new("bytes-read-elsewhere", BytesOperation.Read(8, 8, elsewhere: true)),
        new("bytes-length", BytesOperation.Length()),
        new("bytes-shorten", BytesOperation.SetLength(5)),
    ]);

    /// <summary>Over several chunks: a reader may see two of them at two instants, so that there is none.</summary>
    public static ScenarioTable LongBytes { get; } = new(
    [
        new("bytes-two-chunks", [BytesOperation.Append(new string('o', 60))], s_warm) { Parts = s_bytes },
    ],
    [
        new("bytes-append-long", BytesOperation.Append(new string('l', 50))),
        new("bytes-append-short", BytesOperation.Append("short")),
        new("bytes-write-long", BytesOperation.Write(30, new string('w', 40))),
        new("bytes-cut", BytesOperation.SetLength(20)),
        new("bytes-clear", BytesOperation.SetLength(0)),
        new("bytes-group-back", BeginGroup(), BytesOperation.Append(new string('b', 50)), BytesOperation.SetLength(3),
            RollBackGroup()),
    ]);

    public static ScenarioTable Bitmaps { get; } = new(
    [
        new("bitmap-none", [], s_warm) { Parts = s_bitmap },
        new("bitmap-few", [BitmapOperation.Set(3, true), BitmapOperation.Set(100, true)], s_warm)
        {
            Parts = s_bitmap,
        },
    ],
    [
        new("bitmap-set", BitmapOperation.Set(5, true)),
        new("bitmap-set-other", BitmapOperation.Set(6, true)),
        new("bitmap-clear", BitmapOperation.Set(3, false)),
        new("bitmap-clear-set", BitmapOperation.Set(100, false), BitmapOperation.Set(100, true)),
        new("bitmap-get", BitmapOperation.Get(3)),
        new("bitmap-get-elsewhere", BitmapOperation.Get(100, elsewhere: true)),
        new("bitmap-count", BitmapOperation.Count(0, 64)),
    ]);

    public static ScenarioTable[] Tables => [Sets, Bytes, LongBytes, Bitmaps];

    public static IEnumerable<Scenario> Pairs() => Tables.SelectMany(table => table.Pairs());
}
