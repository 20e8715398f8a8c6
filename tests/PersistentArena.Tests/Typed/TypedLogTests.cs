using GuestMemFs.Inspection;

namespace GuestMemFs.Tests.Typed;

public sealed class TypedLogTests
{
    [Fact]
    public async Task Entries_come_back_as_they_were_appended_after_a_crash_too()
    {
        using PlainSpace space = new(16 << 20);
        PersistentLog<string> log = PersistentHeap.Open(space).OpenOrCreateLog<string>("log");
        List<KeyValuePair<LogEntryId, string>> model = [];
        for (int i = 0; i < 500; i++)
        {
            model.Add(new(log.Append($"entry {i}"), $"entry {i}"));
        }

        LogEntryId own = new(model[^1].Key.Milliseconds + 1, 5);
        log.Append(own, "the last one");
        model.Add(new(own, "the last one"));
        Assert.False(log.TryAppend(own, "again"));

        using PlainSpace after = space.Crash();
        PersistentHeap heap = PersistentHeap.Open(after);
        PersistentLog<string> again = heap.OpenOrCreateLog<string>("log");
        Assert.Equal(model, again);
        Assert.Equal(model.AsEnumerable().Reverse(), again.Descending());
        Assert.Equal(model[100..201], again.Range(model[100].Key, model[200].Key));
        Assert.Equal(model[100..201].AsEnumerable().Reverse(), again.RangeDescending(model[100].Key, model[200].Key));
        Assert.Equal(model[101..], again.After(model[100].Key));
        Assert.True(again.TryGetValue(model[7].Key, out string? value));
        Assert.Equal("entry 7", value);
        Assert.False(again.TryGetValue(LogEntryId.MaxValue, out _));
        Assert.True(again.TryGetFirst(out var first));
        Assert.True(again.TryGetLast(out var last));
        Assert.Equal((model[0], model[^1], model.Count, own), (first, last, again.Count, again.LastId));
        int followed = 0;
        await foreach (var entry in again.FollowAsync(model[399].Key, TestContext.Current.CancellationToken))
        {
            Assert.Equal(model[400 + followed++], entry);
            if (followed == 101)
            {
                break;
            }
        }

        Assert.Empty(HeapVerifier.Verify(heap, TestContext.Current.CancellationToken));
    }

    [Fact]
    public void Another_shape_is_refused_and_an_older_one_taken_where_it_is_named()
    {
        using PlainSpace space = new(8 << 20);
        PersistentHeap heap = PersistentHeap.Open(space);
        heap.OpenOrCreateLog<int>("log").Append(7);
        PersistentLog.OpenOrCreate(heap, "bytes");

        var refused = Assert.Throws<PersistentShapeException>(() => heap.OpenOrCreateLog<string>("log"));
        Assert.Throws<PersistentShapeException>(() => heap.OpenOrCreateLog<string>("bytes"));
        PersistentLog<string> now = heap.OpenOrCreateLog(
            "log", new PersistentLogOptions<string> { OlderShapes = [refused.Found!] });

        Assert.Equal(1, now.Count);
        Assert.Throws<PersistentShapeException>(() => heap.OpenOrCreateLog<int>("log"));
    }
}
