using System.Diagnostics;
using System.Globalization;
using System.Text.Json;
using System.Text.Json.Nodes;

namespace GuestMemFs.VirtualMachines.Tests.Qmp;

/// <summary>The monitor's client against a peer that follows a script.</summary>
public sealed class QmpClientTests
{
    private static readonly QmpOptions Quick = new() { ConnectTimeout = TimeSpan.FromSeconds(5),
        CommandTimeout = TimeSpan.FromSeconds(5), MaximumMessageLength = 64 << 10, EventBacklog = 4 };

    private static CancellationToken Stop => TestContext.Current.CancellationToken;

    [Fact]
    public async Task Answers_go_to_whose_command_they_are_in_any_order_and_events_to_all()
    {
        await using var peer = new ScriptedPeer(ScriptedPeer.After(async line =>
        {
            JsonElement first = await line.ReceiveAsync();
            JsonElement second = await line.ReceiveAsync();
            await line.SendAsync("""{"event": "STOP", "timestamp": {"seconds": 1, "microseconds": 2}}""");
            await line.SendAsync($$"""{"return": {{Number(second)}}, "id": {{second.GetProperty("id").GetInt64()}}}""");
            await line.SendAsync($$"""{"return": {{Number(first)}}, "id": {{first.GetProperty("id").GetInt64()}}}""");
            await line.DrainAsync();
        }));
        await using QmpClient client = await QmpClient.ConnectAsync(peer.Path, Quick, Stop);
        Assert.Equal(new Version(10, 2, 1), client.Greeting.Version);
        Assert.Equal(["oob"], client.Greeting.Capabilities);
        IAsyncEnumerable<QmpEvent> one = client.ReadEventsAsync(Stop), other = client.ReadEventsAsync(Stop);
        JsonElement[] answers = await Task.WhenAll(Enumerable.Range(1, 2).Select(n =>
            client.ExecuteAsync("echo", new JsonObject { ["n"] = n }, cancellationToken: Stop)));
        Assert.Equal([1, 2], answers.Select(answer => answer.GetInt32()));
        foreach (IAsyncEnumerable<QmpEvent> events in (IAsyncEnumerable<QmpEvent>[])[one, other])
        {
            QmpEvent stopped = await events.FirstAsync(Stop);
            Assert.Equal(("STOP", DateTimeOffset.UnixEpoch.AddSeconds(1).AddMicroseconds(2), 0),
                (stopped.Name, stopped.Timestamp, stopped.Lost));
        }
    }

    [Fact]
    public async Task A_refusal_carries_QEMUs_class_and_words()
    {
        await using var peer = new ScriptedPeer(ScriptedPeer.After(async line =>
        {
            long id = (await line.ReceiveAsync()).GetProperty("id").GetInt64();
            await line.SendAsync(
                $$$"""{"error": {"class": "DeviceNotFound", "desc": "Device 'x' not found"}, "id": {{{id}}}}""");
            await line.DrainAsync();
        }));
        await using QmpClient client = await QmpClient.ConnectAsync(peer.Path, Quick, Stop);
        QmpCommandException refused = await Assert.ThrowsAsync<QmpCommandException>(() =>
            client.ExecuteAsync("device_del", cancellationToken: Stop));
        Assert.Equal(("device_del", "DeviceNotFound", "Device 'x' not found", peer.Path),
            (refused.Command, refused.ErrorClass, refused.Description, refused.SocketPath));
    }

    [Fact]
    public async Task An_answer_that_comes_too_late_is_dropped_and_the_next_command_gets_its_own()
    {
        await using var peer = new ScriptedPeer(ScriptedPeer.After(async line =>
        {
            JsonElement late = await line.ReceiveAsync();
            JsonElement next = await line.ReceiveAsync();
            await line.SendAsync($$"""{"return": "late", "id": {{late.GetProperty("id").GetInt64()}}}""");
            await line.SendAsync($$"""{"return": "next", "id": {{next.GetProperty("id").GetInt64()}}}""");
            await line.DrainAsync();
        }));
        await using QmpClient client = await QmpClient.ConnectAsync(peer.Path, Quick, Stop);
        QmpTimeoutException timeout = await Assert.ThrowsAsync<QmpTimeoutException>(() =>
            client.ExecuteAsync("slow", timeout: TimeSpan.FromMilliseconds(50), cancellationToken: Stop));
        Assert.Equal(TimeSpan.FromMilliseconds(50), timeout.Limit);
        Assert.Equal("next", (await client.ExecuteAsync("quick", cancellationToken: Stop)).GetString());
    }

    [Fact]
    public async Task Who_cancels_waits_no_longer()
    {
        await using var peer = new ScriptedPeer(ScriptedPeer.After(line => line.DrainAsync()));
        await using QmpClient client = await QmpClient.ConnectAsync(peer.Path, Quick, Stop);
        using var patience = new CancellationTokenSource(TimeSpan.FromMilliseconds(50));
        await Assert.ThrowsAnyAsync<OperationCanceledException>(() =>
            client.ExecuteAsync("slow", cancellationToken: patience.Token));
    }

    [Theory]
    [InlineData("hello\r\n", "not JSON")]
    [InlineData("[1]\r\n", "a JSON Array")]
    [InlineData("{\"QMP\": {\"version\": 3}}\r\n", "parts")]
    [InlineData("{\"unknown\": 1}\r\n", "no greeting, no event")]
    [InlineData("{\"id\": \"x\"}\r\n", "parts")]
    public async Task What_is_not_QMP_is_refused_with_a_reason(string sent, string reason)
    {
        await using var peer = new ScriptedPeer(async line =>
        {
            await line.SendRawAsync(System.Text.Encoding.UTF8.GetBytes(sent));
            await line.DrainAsync();
        });
        QmpProtocolException refused = await Assert.ThrowsAsync<QmpProtocolException>(() =>
            QmpClient.ConnectAsync(peer.Path, Quick, Stop));
        Assert.Contains(reason, refused.Message, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData(true)]
    [InlineData(false)]
    public async Task An_endless_message_is_refused_and_takes_bounded_memory(bool ended)
    {
        await using var peer = new ScriptedPeer(async line =>
        {
            byte[] much = new byte[128 << 10];
            much.AsSpan().Fill((byte)' ');
            much[^1] = ended ? (byte)'\n' : much[0];
            await line.SendRawAsync(much);
            await line.DrainAsync();
        });
        QmpProtocolException refused = await Assert.ThrowsAsync<QmpProtocolException>(() =>
            QmpClient.ConnectAsync(peer.Path, Quick, Stop));
        Assert.Contains("more than 65536 bytes", refused.Message, StringComparison.Ordinal);
    }

    [Fact]
    public async Task A_peer_that_goes_ends_commands_and_events_and_a_reconnect_goes_on()
    {
        await using var peer = new ScriptedPeer(
            ScriptedPeer.After(line => line.ReceiveAsync()),
            ScriptedPeer.After(async line =>
            {
                long id = (await line.ReceiveAsync()).GetProperty("id").GetInt64();
                await line.SendAsync($$"""{"return": "again", "id": {{id}}}""");
                await line.DrainAsync();
            }));
        await using QmpClient client = await QmpClient.ConnectAsync(peer.Path, Quick, Stop);
        IAsyncEnumerable<QmpEvent> events = client.ReadEventsAsync(Stop);
        await Assert.ThrowsAsync<QmpDisconnectedException>(() => client.ExecuteAsync("quit", cancellationToken: Stop));
        await Assert.ThrowsAsync<QmpDisconnectedException>(() => events.FirstAsync(Stop).AsTask());
        await Assert.ThrowsAsync<QmpDisconnectedException>(() =>
            client.ExecuteAsync("query-status", cancellationToken: Stop));
        await client.ReconnectAsync(Stop);
        Assert.Equal("again", (await client.ExecuteAsync("query-status", cancellationToken: Stop)).GetString());
    }

    [Fact]
    public async Task A_reader_of_events_that_is_behind_loses_the_oldest_and_is_told_how_many()
    {
        await using var peer = new ScriptedPeer(ScriptedPeer.After(async line =>
        {
            long id = (await line.ReceiveAsync()).GetProperty("id").GetInt64();
            for (int i = 0; i < 10; i++)
            {
                await line.SendAsync($$$"""{"event": "E{{{i}}}", "timestamp": {"seconds": -1, "microseconds": -1}}""");
            }

            await line.SendAsync($$"""{"return": {}, "id": {{id}}}""");
            await line.DrainAsync();
        }));
        await using QmpClient client = await QmpClient.ConnectAsync(peer.Path, Quick, Stop);
        IAsyncEnumerable<QmpEvent> events = client.ReadEventsAsync(Stop);
        await client.ExecuteAsync("wait", cancellationToken: Stop);
        QmpEvent first = await events.FirstAsync(Stop);
        Assert.Equal(("E6", 6), (first.Name, first.Lost));
    }

    [Fact]
    public async Task Nobody_there_is_told_within_the_limit()
    {
        using var folder = new TestFolder();
        long start = Stopwatch.GetTimestamp();
        QmpTimeoutException missing = await Assert.ThrowsAsync<QmpTimeoutException>(() =>
            QmpClient.ConnectAsync(folder["none"], Quick with { ConnectTimeout = TimeSpan.FromMilliseconds(100) },
                Stop));
        Assert.Contains("The socket was not there", missing.Message, StringComparison.Ordinal);
        Assert.InRange(Stopwatch.GetElapsedTime(start).TotalSeconds, 0.09, 5);
    }

    [Fact]
    public async Task A_second_client_is_told_that_there_may_be_another()
    {
        await using var peer = new ScriptedPeer(line => line.DrainAsync());
        QmpTimeoutException silent = await Assert.ThrowsAsync<QmpTimeoutException>(() =>
            QmpClient.ConnectAsync(peer.Path, Quick with { ConnectTimeout = TimeSpan.FromMilliseconds(100) }, Stop));
        Assert.Contains("no greeting", silent.Message, StringComparison.Ordinal);
    }

    private static string Number(JsonElement command) =>
        command.GetProperty("arguments").GetProperty("n").GetInt32().ToString(CultureInfo.InvariantCulture);
}
