using System.Diagnostics;
using System.Text;
using KvStore.Protocol;
using KvStore.Rdb;
using KvStore.Tests.Infrastructure;

namespace KvStore.Tests.Rdb;

/// <summary>
/// Objects of dumps that were changed in a few places: never more than a refusal, in memory and time that their bytes
/// allow.
/// </summary>
[Trait("speed", "slow")]
public sealed class ObjectFuzzTests(ITestOutputHelper output)
{
    private const int Restored = 20_000;

    private static readonly int s_seed = int.Parse(Environment.GetEnvironmentVariable("GMF_FUZZ_SEED") ?? "1", null);
    private static readonly long s_factor = long.Parse(Environment.GetEnvironmentVariable("GMF_FUZZ_FACTOR") ?? "1",
        null);

    private static readonly byte[][] s_tokens =
    [
        .. new[]
        {
            "00", "01", "FF", "FE", "FD", "7F", "80", "40 00", "7F FF", "80 FF FF FF FF", "80 7F FF FF FF",
            "81 FF FF FF FF FF FF FF FF", "81 7F FF FF FF FF FF FF FF", "C0", "C1", "C2", "C3", "C3 05 80 1F FF FF FF",
            "FF FF", "FF FF FF FF", "F0 FF FF FF FF", "F4 00 00 00 00 00 00 00 80 09", "E0 FF 00", "FE FF FF FF FF",
            "F1 00 80 03", "02 01", "00 01", "0A 00 00 00", "01 00 00 00 00 00 00 00",
        }.Select(Bytes.Of),
    ];

    private static Fuzzer NewFuzzer => new(s_seed, [.. OldObject.All.Select(it => it.Content)], s_tokens)
    {
        // An exception and its way up are some 20 KB; a compressed string may have 88 bytes for each of its own.
        AllocatedAtMost = 256 << 10,
        AllocatedPerByte = 512,
    };

    [Fact]
    public void A_changed_object_is_read_or_refused_within_what_its_bytes_allow()
    {
        long whole = 0;
        long inputs = NewFuzzer.Run(150_000 * s_factor, (input, _) =>
        {
            using RdbInput bytes = new(new MemoryStream(input), input.Length);
            Measure measure = new();
            using ObjectReader reader = new(bytes, measure);
            try
            {
                reader.Read((RdbType)bytes.ReadByte());
                whole++;
            }
            catch (RdbFormatException wrong) when (wrong.Message.Length > 10)
            {
                // As it should be.
            }

            Assert.True(measure.Told <= (1 << 20) + (512L * input.Length), $"it was told {measure.Told} bytes");
        });

        output.WriteLine($"{inputs} objects, {whole} of them read, seed {s_seed}");
        Assert.InRange(whole, inputs / 50, inputs);
    }

    /// <summary>The same through RESTORE: the server lives, and is as it was after a refusal.</summary>
    [Fact]
    public void A_server_refuses_changed_objects_and_serves_on()
    {
        using RunningServer server = TestServer.Start("64M");
        using TextClient client = new(server.Process.TcpEndPoint);
        Assert.Equal("+OK\r\n", client.Call("SET", "kept", "value"));
        long taken = 0;
        long refused = 0;
        NewFuzzerWithoutMeasure.Run(Restored * s_factor, (input, random) =>
        {
            string key = random.Next(2) == 0 ? "k" : "kept";
            string payload = Encoding.Latin1.GetString(Bytes.Payload(input, 12));
            string reply = client.Call("RESTORE", key, "0", payload, key == "k" ? "REPLACE" : "ABSTTL");
            taken += reply == "+OK\r\n" ? 1 : 0;
            refused += reply == "-ERR Bad data format\r\n" ? 1 : 0;
            Assert.Contains(reply, new[]
            {
                "+OK\r\n", "-ERR Bad data format\r\n", "-BUSYKEY Target key name already exists.\r\n",
            });
            if (reply == "+OK\r\n" && random.Next(8) == 0)
            {
                string dump = client.Call("DUMP", "k");
                Assert.True(dump[0] == '$', dump);
            }
        });

        Assert.Equal("$5\r\nvalue\r\n", client.Call("GET", "kept"));
        client.Call("DEL", "k");
        output.WriteLine($"{taken} taken, {refused} refused, {server.ResidentBytes >> 20} MiB, seed {s_seed}");
        Assert.InRange(taken, 100, long.MaxValue);
        Assert.InRange(server.ResidentBytes, 0, 200 << 20);
        Assert.True(
            SpinWait.SpinUntil(() => client.Info("memory", "nested_entries") == 0, Patience.Limit),
            $"{client.Info("memory", "nested_entries")} entries of refused objects are left");
    }

    /// <summary>What a few bytes may say of gigabytes.</summary>
    [Theory]
    [InlineData("00 C3 05 81 00 00 00 01 00 00 00 00 00 'a' E0 0A 00", "a compressed string of 4 GiB")]
    [InlineData("00 C3 05 80 1F FF FF FF 00 'a' E0 0A 00", "a compressed string of 512 MiB")]
    [InlineData("00 80 1F FF FF FF 'a'", "a string of 512 MiB")]
    [InlineData("00 81 FF FF FF FF FF FF FF FF", "a string of 2^64 bytes")]
    [InlineData("04 81 FF FF FF FF FF FF FF FF 01 'a' 01 'b'", "a hash of 2^64 fields")]
    [InlineData("0E 81 FF FF FF FF FF FF FF FF", "a list of 2^64 nodes")]
    [InlineData("13 81 FF FF FF FF FF FF FF FF", "a stream of 2^64 nodes")]
    [InlineData("0B 08 02 00 00 00 FF FF FF FF", "an intset of 2^32 numbers")]
    public void A_few_bytes_that_promise_gigabytes_take_no_memory(string written, string what)
    {
        byte[] content = Bytes.Of(written);
        long before = Environment.WorkingSet;
        long started = Stopwatch.GetTimestamp();

        Assert.Throws<RdbFormatException>(() => Read(content, new Measure()));

        Assert.True(Stopwatch.GetElapsedTime(started) < TimeSpan.FromSeconds(2), what);
        Assert.True(Environment.WorkingSet - before < 64 << 20, what);
    }

    /// <summary>
    /// A node says the names of its fields once: without a limit a payload of some kilobytes would be entries of
    /// gigabytes.
    /// </summary>
    [Fact]
    public void A_stream_whose_entries_mean_far_more_than_their_bytes_is_refused()
    {
        const int names = 100_000;
        const int entries = 20_000;
        byte[] node = Bytes.Listpack(
            $"F1 20 4E 03 00 01 01 01 F0 A0 86 01 00 '{new string('n', names)}' 06 8D A5 00 01 "
                + string.Concat(Enumerable.Range(0, entries).Select(i =>
                    $"02 01 00 01 F1 {i & 0xFF:X2} {i >> 8:X2} 03 01 01 04 01 ")), 65_535);
        byte[] content = [0x0F, 1, .. Bytes.String(Bytes.Of("00 00 00 00 00 00 00 05 00 00 00 00 00 00 00 01")),
            .. Bytes.String(node), .. Bytes.Of("80 00 00 4E 20 05 80 00 00 4E 20 00")];
        Measure measure = new();

        RdbFormatException refused = Assert.Throws<RdbFormatException>(() => Read(content, measure));

        Assert.Contains("means far more", refused.Message, StringComparison.Ordinal);
        Assert.InRange(measure.Told, 0, 512L * content.Length);
    }

    private static Fuzzer NewFuzzerWithoutMeasure => new(s_seed, [.. OldObject.All.Select(it => it.Content)], s_tokens)
    {
        AllocatedAtMost = 1 << 20,
        AllocatedPerByte = 1024,
    };

    private static void Read(byte[] content, Measure measure)
    {
        using RdbInput input = new(new MemoryStream(content), content.Length);
        using ObjectReader reader = new(input, measure);
        reader.Read((RdbType)input.ReadByte());
    }

    /// <summary>Counts what it is told of.</summary>
    private sealed class Measure : IDumpedObject, IDumpedStream
    {
        public long Told { get; private set; }

        public void SetString(ReadOnlySpan<byte> value) => Told += value.Length;

        public void BeginHash() => Told++;

        public bool AddField(ReadOnlySpan<byte> field, ReadOnlySpan<byte> value, long time) => Add(field) && Add(value);

        public void BeginList() => Told++;

        public void AddElement(ReadOnlySpan<byte> element) => Add(element);

        public void BeginSet() => Told++;

        public bool AddMember(ReadOnlySpan<byte> member) => Add(member);

        public void BeginSortedSet() => Told++;

        public bool AddScored(ReadOnlySpan<byte> member, double score) => Add(member);

        public IDumpedStream BeginStream() => this;

        public void BeginEntry(StreamId id) => Told++;

        public void AddPiece(ReadOnlySpan<byte> piece) => Add(piece);

        public void EndEntry() => Told++;

        public void EndEntries(StreamId last, StreamId lastDeleted, ulong added) => Told++;

        public bool BeginGroup(ReadOnlySpan<byte> name, StreamId last, long? read) => Add(name);

        public bool AddPending(StreamId id, long deliveredAt, long deliveries) => Add(default);

        public bool BeginConsumer(ReadOnlySpan<byte> name, long seen) => Add(name);

        public bool Claim(StreamId id) => Add(default);

        private bool Add(ReadOnlySpan<byte> bytes)
        {
            Told += 1 + bytes.Length;
            return true;
        }
    }
}
