using System.Runtime.CompilerServices;
using System.Threading.Channels;

namespace GuestMemFs.VirtualMachines.Qmp;

/// <summary>
/// Hands each event to everybody who reads. A reader that is behind loses the oldest, and is told how many.
/// </summary>
internal sealed class EventFeeds(int backlog)
{
    private readonly Lock _lock = new();
    private readonly List<Feed> _feeds = [];
    private QmpException? _ended;

    /// <summary>Begins at once: what happens between the call and the first wait is in it.</summary>
    public IAsyncEnumerable<QmpEvent> Subscribe(CancellationToken cancellationToken)
    {
        var feed = new Feed(backlog);
        lock (_lock)
        {
            if (_ended is null)
            {
                _feeds.Add(feed);
            }
            else
            {
                feed.Channel.Writer.Complete(_ended);
            }
        }

        return ReadAsync(feed, cancellationToken);
    }

    public void Add(QmpEvent happened)
    {
        lock (_lock)
        {
            foreach (Feed feed in _feeds)
            {
                feed.Channel.Writer.TryWrite(happened);
            }
        }
    }

    public void End(QmpException ended)
    {
        lock (_lock)
        {
            _ended = ended;
            foreach (Feed feed in _feeds)
            {
                feed.Channel.Writer.TryComplete(ended);
            }
        }
    }

    private async IAsyncEnumerable<QmpEvent> ReadAsync(
        Feed feed, [EnumeratorCancellation] CancellationToken cancellationToken)
    {
        try
        {
            await foreach (QmpEvent happened in feed.Channel.Reader.ReadAllAsync(cancellationToken)
                .ConfigureAwait(false))
            {
                yield return happened with { Lost = feed.TakeDropped() };
            }
        }
        finally
        {
            lock (_lock)
            {
                _feeds.Remove(feed);
            }
        }
    }

    private sealed class Feed
    {
        private int _dropped;

        public Feed(int backlog) => Channel = System.Threading.Channels.Channel.CreateBounded<QmpEvent>(
            new BoundedChannelOptions(backlog) { FullMode = BoundedChannelFullMode.DropOldest, SingleReader = true },
            _ => Interlocked.Increment(ref _dropped));

        public Channel<QmpEvent> Channel { get; }

        public int TakeDropped() => Interlocked.Exchange(ref _dropped, 0);
    }
}
