using System.Security.Cryptography;
using KvStore.Demo;
using KvStore.Tests.Infrastructure;

namespace KvStore.Tests.Life;

/// <summary>
/// When the arena is full: <c>-OOM</c>, nothing broken, room again after deletes, and a restart that works.
/// </summary>
[Trait("speed", "slow")]
public sealed class FullMediumTests
{
    private const int Absent = 999_000; // as long a name as the last ones have: its record fits no other hole

    [Theory]
    [InlineData(100)]
    [InlineData(3_000)]
    [InlineData(150_000)]
    [InlineData(3_000_000)]
    public void A_full_arena_answers_OOM_and_nothing_breaks(int valueLength)
    {
        Assert.SkipWhen(TestServer.IsRedis && valueLength > 3_000,
            "redis-server's limit counts buffers too, and so is not exact.");
        using var server = new RunningServer(
            TestServer.IsRedis ? ServerProgram.Redis(Tool.Require("redis-server"), "--maxmemory", "64mb",
                "--appendonly", "yes", "--appendfsync", "no") : TestServer.Program("64M"));
        RespClient client = server.Connect();
        var present = new SortedSet<int>();
        Fill(client, valueLength, present);
        int capacity = present.Count;
        Assert.InRange((long)capacity * valueLength, 5L << 20, 64L << 20);
        RequireExactly(client, valueLength, present);

        // Every command that needs room says so, and what is in place stays as it is.
        var large = new byte[valueLength];
        foreach (RespArgument[] command in (RespArgument[][])
        [
            ["SET", Key(Absent), large], ["SETNX", Key(Absent), large], ["APPEND", Key(Absent), large],
            ["MSET", Key(Absent), large, Key(Absent + 1), large],
            ["SETRANGE", Key(Absent), valueLength * 2, large], ["GETSET", Key(Absent), large],
            ["SETEX", Key(Absent), 100, large],
            .. HolesTakeRoom(valueLength) ? (RespArgument[][])[["SETBIT", Key(Absent), valueLength * 16, 1]] : [],
        ])
        {
            RespReply reply = client.Call(command);
            Assert.True(reply.IsError && reply.Text.StartsWith("OOM ", StringComparison.Ordinal),
                $"{System.Text.Encoding.ASCII.GetString(command[0].Bytes)} answers {reply}.");
        }

        Assert.Equal(0, client.Call("EXISTS", Key(Absent), Key(Absent + 1)).Integer);
        RequireExactly(client, valueLength, present);

        // An expiry may need a larger record: the answer must not say what was not done.
        RespReply value = client.Call("GETEX", Key(0), "EX", 1_000_000);
        Assert.Equal(value.IsError, client.Call("TTL", Key(0)).Integer == -1);
        client.Call("PERSIST", Key(0));

        // A crash while full.
        server.Process.Kill();
        client.Dispose();
        server.Restart();
        client = server.Connect();
        RequireExactly(client, valueLength, present);

        // Deletes make room, about as much as was taken, again and again.
        for (int round = 0; round < 3; round++)
        {
            foreach (int[] chunk in present.Where((_, i) => i % 2 == round % 2).ToArray().Chunk(100))
            {
                Assert.Equal(chunk.Length,
                    client.Call(["DEL", .. chunk.Select(index => (RespArgument)Key(index))]).Integer);
                present.ExceptWith(chunk);
            }

            Fill(client, valueLength, present);
            Assert.InRange(present.Count, capacity * 9 / 10, capacity * 11 / 10);
            RequireExactly(client, valueLength, present);
        }

        Assert.Equal("OK", client.Call("FLUSHALL").Text);
        present.Clear();
        Fill(client, valueLength, present);
        Assert.InRange(present.Count, capacity * 9 / 10, capacity * 11 / 10);
        client.Dispose();
    }

    [Theory]
    [InlineData(100)]
    [InlineData(150_000)]
    public void Where_the_new_value_finds_no_room_the_old_one_is_not_answered(int valueLength)
    {
        Assert.SkipWhen(TestServer.IsRedis, "redis-server's limit counts buffers too, and so is not exact.");
        using RunningServer server = TestServer.Start("64M");
        using RespClient client = server.Connect();
        var present = new SortedSet<int>();
        Fill(client, valueLength, present);
        var larger = new byte[8_000_000];
        foreach (RespArgument[] command in (RespArgument[][])[["GETSET", Key(0), larger],
            ["SET", Key(0), larger, "GET"], ["SET", Key(0), larger, "XX", "GET", "EX", 100]])
        {
            RequireOutOfMemory(client.Call(command));
            Assert.Equal("OK", client.Call("MULTI").Text);
            Assert.Equal("QUEUED", client.Call(command).Text);
            Assert.Equal("QUEUED", client.Call("PING").Text);
            RespReply[] replies = [.. client.Call("EXEC").Items!];
            RequireOutOfMemory(replies[0]);
            Assert.Equal("PONG", replies[1].Text);
        }

        Assert.Equal(-1, client.Call("TTL", Key(0)).Integer);
        RequireExactly(client, valueLength, present);

        // With room it is, large or small, and once.
        Assert.Equal(3, client.Call("DEL", Key(1), Key(2), Key(3)).Integer);
        byte[] first = Value(0, valueLength);
        byte[] second = Value(1, valueLength);
        Assert.Equal(first, client.Call("GETSET", Key(0), second).Bytes);
        Assert.Equal(second, client.Call("SET", Key(0), first, "GET").Bytes);
        Assert.Equal(first, client.Call("SET", Key(0), second, "NX", "GET").Bytes);
        Assert.Equal(first, client.Call("GET", Key(0)).Bytes);
        Assert.Equal("PONG", client.Call("PING").Text);
    }

    private static void RequireOutOfMemory(RespReply reply) =>
        Assert.True(reply.IsError && reply.Text.StartsWith("OOM ", StringComparison.Ordinal),
            $"The answer is {reply}.");

    // Sets until a key finds no room; a batch's keys after it may find some or not.
    private static void Fill(RespClient client, int valueLength, SortedSet<int> present)
    {
        int next = present.Count == 0 ? 0 : present.Max + 1;
        bool full = false;
        while (!full)
        {
            int[] batch = [.. Enumerable.Range(next, BatchSize(valueLength))];
            next += batch.Length;
            foreach (int index in batch)
            {
                client.Add("SET", Key(index), Value(index, valueLength));
            }

            client.Flush();
            foreach (int index in batch)
            {
                RespReply reply = client.Read();
                Assert.True(reply.Text == "OK"
                    || (reply.IsError && reply.Text.StartsWith("OOM ", StringComparison.Ordinal)),
                    $"SET {Key(index)} answers {reply}.");
                full |= reply.IsError;
                if (!reply.IsError)
                {
                    present.Add(index);
                }
            }
        }
    }

    private static int BatchSize(int valueLength) => Math.Clamp(50_000 / valueLength, 1, 100);

    // A long string whose last bit alone is set takes the memory of one piece.
    private static bool HolesTakeRoom(int valueLength) => TestServer.IsRedis || 2 * valueLength < 131_072;

    private static void RequireExactly(RespClient client, int valueLength, SortedSet<int> present)
    {
        Assert.Equal(present.Count, client.Call("DBSIZE").Integer);
        foreach (int[] chunk in present.Chunk(BatchSize(valueLength)))
        {
            foreach (int index in chunk)
            {
                client.Add("GET", Key(index));
            }

            client.Flush();
            foreach (int index in chunk)
            {
                RespReply reply = client.Read();
                Assert.True(reply.Bytes is { } got && got.AsSpan().SequenceEqual(Value(index, valueLength)),
                    $"Key {index} is {reply}.");
            }
        }
    }

    private static string Key(int index) => $"key:{index}";

    private static byte[] Value(int index, int length)
    {
        var value = new byte[length];
        byte[] digest = SHA256.HashData(BitConverter.GetBytes(index));
        for (int i = 0; i < length; i += digest.Length)
        {
            digest.AsSpan(0, Math.Min(digest.Length, length - i)).CopyTo(value.AsSpan(i));
        }

        return value;
    }
}
