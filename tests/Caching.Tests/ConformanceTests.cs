using System.Buffers;
using System.Text;
using Microsoft.Extensions.Caching.Distributed;

namespace GuestMemFs.Caching.Tests;

/// <summary>
/// What is expected of a distributed cache. Ours and Microsoft's on a redis-server are held to the same.
/// </summary>
public abstract class ConformanceTests
{
    private static readonly DistributedCacheEntryOptions s_none = new();

    protected abstract IDistributedCache Cache { get; }

    private static CancellationToken Cancellation => TestContext.Current.CancellationToken;

    /// <summary>Lets time pass, for this cache.</summary>
    protected abstract Task PassAsync(TimeSpan time);

    /// <summary>False where a set without an expiry leaves the one that was there, which nobody would expect.</summary>
    protected virtual bool KeepsNoOldExpiry => true;

    /// <summary>How much longer its times are.</summary>
    protected virtual double Slowness => 1;

    /// <summary>What its clock says.</summary>
    protected virtual DateTimeOffset Now => DateTimeOffset.UtcNow;

    [Fact]
    public async Task What_was_not_set_is_not_there()
    {
        Assert.Null(Cache.Get("nothing"));
        Assert.Null(await Cache.GetAsync("nothing", Cancellation));
        Cache.Remove("nothing");
        Cache.Refresh("nothing");
        await Cache.RefreshAsync("nothing", Cancellation);
    }

    [Theory]
    [InlineData(0)]
    [InlineData(1)]
    [InlineData(100)]
    [InlineData(1_000_000)]
    public async Task What_was_set_is_there_until_it_is_removed(int length)
    {
        byte[] value = Bytes(length);
        Cache.Set("a", value, s_none);
        Assert.Equal(value, Cache.Get("a"));
        await Cache.SetAsync("a", Bytes(3), s_none, Cancellation);
        Assert.Equal(Bytes(3), await Cache.GetAsync("a", Cancellation));
        await Cache.RemoveAsync("a", Cancellation);
        Assert.Null(Cache.Get("a"));
    }

    [Fact]
    public async Task Keys_of_all_characters_and_lengths_are_apart()
    {
        string[] keys = [" ", "a", "A", "ä", "日本", "a\0b", "a\r\nb", new string('k', 255), new string('k', 256),
            new string('é', 10_000)];
        foreach (string key in keys)
        {
            await Cache.SetAsync(key, Encoding.UTF8.GetBytes(key), s_none, Cancellation);
        }

        foreach (string key in keys)
        {
            Assert.Equal(key, Encoding.UTF8.GetString((await Cache.GetAsync(key, Cancellation))!));
        }
    }

    [Fact]
    public async Task An_absolute_expiry_ends_it_whether_it_is_used_or_not()
    {
        Cache.Set("a", Bytes(1), new() { AbsoluteExpirationRelativeToNow = Seconds(2) });
        Cache.Set("b", Bytes(1), new() { AbsoluteExpiration = Now + Seconds(2) });
        await PassAsync(Seconds(1));
        Assert.NotNull(Cache.Get("a"));
        Assert.NotNull(Cache.Get("b"));
        await PassAsync(Seconds(1.2));
        Assert.Null(Cache.Get("a"));
        Assert.Null(Cache.Get("b"));
    }

    [Fact]
    public async Task A_sliding_expiry_begins_anew_with_each_use()
    {
        string[] keys = ["got", "refreshed", "buffered", "unused"];
        foreach (string key in keys)
        {
            Cache.Set(key, Bytes(1), new() { SlidingExpiration = Seconds(2) });
        }

        for (int i = 0; i < 3; i++)
        {
            await PassAsync(Seconds(1));
            Assert.NotNull(Cache.Get("got"));
            Cache.Refresh("refreshed");
            Assert.True(TryGet("buffered", out _));
        }

        Assert.NotNull(Cache.Get("refreshed"));
        Assert.Null(Cache.Get("unused"));
        await PassAsync(Seconds(2.2));
        Assert.All(keys, key => Assert.Null(Cache.Get(key)));
    }

    [Fact]
    public async Task A_sliding_expiry_does_not_pass_the_absolute_one()
    {
        Cache.Set("a", Bytes(1), new()
        {
            SlidingExpiration = Seconds(2),
            AbsoluteExpirationRelativeToNow = Seconds(3),
        });
        for (int i = 0; i < 2; i++)
        {
            await PassAsync(Seconds(1));
            Assert.NotNull(Cache.Get("a"));
        }

        await PassAsync(Seconds(1.2));
        Assert.Null(Cache.Get("a"));
    }

    [Fact]
    public async Task A_set_puts_another_expiry_in_its_place()
    {
        Assert.SkipUnless(KeepsNoOldExpiry, "its keys keep the expiry that they had: ours do not");
        Cache.Set("a", Bytes(1), new() { AbsoluteExpirationRelativeToNow = Seconds(1) });
        Cache.Set("a", Bytes(2), s_none);
        await PassAsync(Seconds(1.2));
        Assert.Equal(Bytes(2), Cache.Get("a"));
    }

    [Fact]
    public void A_buffer_is_filled_and_a_sequence_of_pieces_taken()
    {
        byte[] value = Bytes(5000);
        SetPieces("a", value);
        Assert.True(TryGet("a", out byte[] read));
        Assert.Equal(value, read);
        Assert.False(TryGet("b", out read));
        Assert.Empty(read);
    }

    [Fact]
    public void What_cannot_be_meant_is_refused()
    {
        Assert.Throws<ArgumentNullException>(() => Cache.Get(null!));
        Assert.Throws<ArgumentNullException>(() => Cache.Set(null!, Bytes(1), s_none));
        Assert.Throws<ArgumentNullException>(() => Cache.Set("a", null!, s_none));
        Assert.Throws<ArgumentNullException>(() => Cache.Set("a", Bytes(1), null!));
        Assert.Throws<ArgumentNullException>(() => Cache.Remove(null!));
        Assert.Throws<ArgumentNullException>(() => Cache.Refresh(null!));
        Assert.ThrowsAny<ArgumentException>(
            () => Cache.Set("a", Bytes(1), new() { AbsoluteExpiration = Now - Seconds(1) }));
        Assert.Null(Cache.Get("a"));
    }

    private TimeSpan Seconds(double seconds) => TimeSpan.FromSeconds(seconds * Slowness);

    private static byte[] Bytes(int length) => [.. Enumerable.Range(0, length).Select(i => (byte)(i * 7))];

    private bool TryGet(string key, out byte[] value)
    {
        if (Cache is not IBufferDistributedCache buffered)
        {
            value = Cache.Get(key) ?? [];
            return Cache.Get(key) is not null;
        }

        var writer = new ArrayBufferWriter<byte>();
        bool found = buffered.TryGet(key, writer);
        value = writer.WrittenSpan.ToArray();
        return found;
    }

    private void SetPieces(string key, byte[] value)
    {
        if (Cache is IBufferDistributedCache buffered)
        {
            var first = new Piece(value.AsMemory(0, 1), null);
            Piece last = new(value.AsMemory(1500), new Piece(value.AsMemory(1, 1499), first));
            buffered.Set(key, new ReadOnlySequence<byte>(first, 0, last, last.Memory.Length), s_none);
        }
        else
        {
            Cache.Set(key, value, s_none);
        }
    }

    private sealed class Piece : ReadOnlySequenceSegment<byte>
    {
        public Piece(ReadOnlyMemory<byte> memory, Piece? before)
        {
            Memory = memory;
            RunningIndex = before is null ? 0 : before.RunningIndex + before.Memory.Length;
            if (before is not null)
            {
                before.Next = this;
            }
        }
    }
}
