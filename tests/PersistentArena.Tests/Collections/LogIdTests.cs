namespace GuestMemFs.Tests.Collections;

/// <summary>An id is one entry's, also where a group that gave it goes back.</summary>
public sealed class LogIdTests : IDisposable
{
    private static readonly PersistentLogOptions s_stopped = new() { TimeProvider = new StoppedTime() };
    private readonly PlainSpace _space = new(2 << 20);

    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public void An_id_that_a_reader_saw_is_not_given_again_by_later_processes(bool crashes)
    {
        PersistentHeap heap = PersistentHeap.Open(_space);
        PersistentLog log = PersistentLog.OpenOrCreate(heap, "log", s_stopped);
        log.Append("committed"u8);
        LogEntryId seen;
        PlainSpace next;
        using (AtomicGroup group = heap.BeginAtomic())
        {
            log.Append("one"u8);
            log.Append("two"u8);
            seen = log.LastId; // its own thread sees what is not committed
            next = crashes ? _space.Crash() : _space;
        }

        next = crashes ? next : _space.Crash();
        using PlainSpace recovered = next;
        PersistentLog.OpenOrCreate(PersistentHeap.Open(recovered), "log", s_stopped); // gives none
        using PlainSpace last = recovered.Crash();
        PersistentLog found = PersistentLog.OpenOrCreate(PersistentHeap.Open(last), "log", s_stopped);
        Assert.Equal(1, found.Count);
        Assert.True(found.LastId < seen);
        LogEntryId given = found.Append("three"u8);
        Assert.True(given > seen, $"{given} is given again: {seen} was another entry's");
    }

    public void Dispose() => _space.Dispose();

    private sealed class StoppedTime : TimeProvider
    {
        public override DateTimeOffset GetUtcNow() => DateTimeOffset.FromUnixTimeMilliseconds(1_000_000);
    }
}
