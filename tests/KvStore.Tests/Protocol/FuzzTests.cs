using System.Text;
using KvStore.Engine;
using KvStore.Protocol;
using KvStore.Server;

namespace KvStore.Tests.Protocol;

/// <summary>
/// What a client or a configuration file may send: never more than an error, and the same however it is cut. The corpus
/// is in <c>corpus/</c>.
/// </summary>
[Trait("speed", "slow")]
public sealed class FuzzTests(ITestOutputHelper output)
{
    private static readonly int s_seed = int.Parse(Environment.GetEnvironmentVariable("GMF_FUZZ_SEED") ?? "1", null);
    private static readonly long s_factor = long.Parse(Environment.GetEnvironmentVariable("GMF_FUZZ_FACTOR") ?? "1",
        null);

    private static readonly byte[][] s_tokens =
    [
        .. new[]
        {
            "\r\n", "\r", "\n", "*", "$", "-1", "0", "1", "9", "00", "+1", "-0", "*0\r\n", "*-1\r\n", "$-1\r\n",
            "$0\r\n\r\n", "*1\r\n", "*2\r\n", "$3\r\n", "2147483647", "2147483648", "4294967296", "9223372036854775807",
            "9223372036854775808", "-9223372036854775808", "99999999999999999999", "1048576\r\n", "1048577\r\n",
            "536870912\r\n", "\"", "'", "\\x", "\\x4", "\\", " ", "\t", "\0", "PING", "$4\r\nPING\r\n",
        }.Select(Encoding.Latin1.GetBytes),
    ];

    [Fact]
    public void Requests_parse_the_same_however_they_are_cut()
    {
        Fuzzer fuzzer = new(s_seed, [.. Directory.GetFiles(Path.Combine(AppContext.BaseDirectory, "Protocol", "corpus"),
            "*.resp").Order(StringComparer.Ordinal).Select(File.ReadAllBytes)], s_tokens) { AllocatedPerByte = 256 };
        long frames = 0;
        long inputs = fuzzer.Run(4_000_000 * s_factor, (input, random) =>
        {
            bool authenticated = random.Next(4) != 0;
            (int count, ulong print, string? error) = Whole(input, authenticated);
            frames += count;
            (int, ulong, string?) pieces = InPieces(input, authenticated, random);
            if (pieces != (count, print, error))
            {
                throw new InvalidOperationException($"in one piece {(count, print, error)}, cut {pieces}");
            }
        }, TimeSpan.FromMinutes(4 * s_factor));
        output.WriteLine($"{inputs} inputs, {frames} frames, seed {s_seed}");
        Assert.True(inputs > 500_000, $"only {inputs} inputs in the time");
        Assert.True(frames > inputs / 4,
            $"only {frames} frames in {inputs} inputs: they do not reach the parser's inside");
    }

    /// <summary>
    /// From the grammar: commands of any arguments, in both forms, written as RESP, are parsed as what they are.
    /// </summary>
    [Fact]
    public void What_was_sent_is_what_is_parsed()
    {
        Random random = new(s_seed);
        byte[] bytes = new byte[64 << 10];
        random.NextBytes(bytes);
        using MemoryStream sent = new();
        long commands = 0;
        for (int batch = 0; batch < 100_000 * s_factor; batch++)
        {
            sent.SetLength(0);
            int expected = 0;
            ulong expectedPrint = 0;
            for (int left = 1 + random.Next(8); left > 0; left--)
            {
                int count = random.Next(20) == 0 ? random.Next(200) : 1 + random.Next(5);
                sent.Write(Encoding.ASCII.GetBytes($"*{count}\r\n"));
                expected += count > 0 ? 1 : 0;
                for (int i = 0; i < count; i++)
                {
                    int length = random.Next(10) switch { 0 => 0, 1 => random.Next(2_000), 2 => random.Next(130), _ =>
                        random.Next(12) };
                    ReadOnlySpan<byte> argument = bytes.AsSpan(random.Next(bytes.Length - length), length);
                    sent.Write(Encoding.ASCII.GetBytes($"${length}\r\n"));
                    sent.Write(argument);
                    sent.Write("\r\n"u8);
                    Mix(argument, ref expectedPrint);
                }
            }

            byte[] input = sent.ToArray();
            commands += expected;
            if (Whole(input, authenticated: true) != (expected, expectedPrint, null)
                || (batch % 8 == 0 && InPieces(input, authenticated: true, random) != (expected, expectedPrint, null)))
            {
                Assert.Fail($"seed {s_seed}, batch {batch}: {Whole(input, authenticated: true)} instead " +
                    $"of {(expected, expectedPrint)} for {Convert.ToHexString(input)}");
            }
        }

        output.WriteLine($"{100_000 * s_factor} batches, {commands} commands, seed {s_seed}");
    }

    [Fact]
    public void Options_are_taken_or_refused_with_a_word()
    {
        byte[][] corpus = [.. Directory.GetFiles(Path.Combine(AppContext.BaseDirectory, "Protocol", "corpus"),
            "*.options").Order(StringComparer.Ordinal).Select(File.ReadAllBytes)];
        byte[][] tokens = [.. Settings.All.Select(setting => Encoding.UTF8.GetBytes("--" + setting.Name + " ")),
            .. s_tokens, "="u8.ToArray(), "1e309"u8.ToArray(), "16mb"u8.ToArray(), "1kk"u8.ToArray(),
            "8388608tb"u8.ToArray(), "::1"u8.ToArray(), "999.1.1.1"u8.ToArray()];
        int taken = 0;
        long inputs = new Fuzzer(s_seed, corpus, tokens) { AllocatedPerByte = 4096 }.Run(100_000 * s_factor,
            (input, random) =>
        {
            // A file that is named is read: that is not what this is about.
            string[] args = Encoding.UTF8.GetString(input).Split([' ', '\n', '\0'],
                StringSplitOptions.RemoveEmptyEntries);
            if (args.Any(argument => argument.StartsWith("--config", StringComparison.Ordinal)))
            {
                return;
            }

            try
            {
                OptionsParser.Parse(args, new Dictionary<string, string>());
                taken++;
            }
            catch (OptionException refused) when (refused.Message.Length > 10)
            {
                // As it should be: it says which and why.
            }
        });
        output.WriteLine($"{inputs} inputs, {taken} taken, seed {s_seed}");
        Assert.True(taken > 100, $"only {taken} taken");
    }

    private static (int Count, ulong Print, string? Error) Whole(byte[] input, bool authenticated)
    {
        RequestParser parser = new(new ProtocolLimits()) { Authenticated = authenticated };
        int position = 0;
        int count = 0;
        ulong print = 0;
        while (true)
        {
            switch (parser.TryParse(input, ref position, out Frame frame))
            {
                case ParseStatus.Frame:
                    Add(parser.Arguments(input, frame), ref count, ref print);
                    continue;
                case ParseStatus.Error:
                    return (count, print, parser.Error);
                default:
                    if (parser.Needed <= input.Length)
                    {
                        throw new InvalidOperationException($"it needs {parser.Needed} bytes and has {input.Length}");
                    }

                    return (count, print, null);
            }
        }
    }

    /// <summary>
    /// As a connection does it: what came, then what is left of it moved to the front, and more behind it.
    /// </summary>
    private static (int Count, ulong Print, string? Error) InPieces(byte[] input, bool authenticated, Random random)
    {
        RequestParser parser = new(new ProtocolLimits()) { Authenticated = authenticated };
        byte[] buffer = new byte[input.Length];
        int filled = 0;
        int count = 0;
        ulong print = 0;
        for (int read = 0; read < input.Length;)
        {
            int piece = Math.Min(1 + random.Next(random.Next(2) == 0 ? 4 : 40), input.Length - read);
            input.AsSpan(read, piece).CopyTo(buffer.AsSpan(filled));
            read += piece;
            filled += piece;
            int position = 0;
            ParseStatus status;
            while ((status = parser.TryParse(buffer.AsSpan(0, filled), ref position, out Frame frame))
                == ParseStatus.Frame)
            {
                Add(parser.Arguments(buffer.AsSpan(0, filled), frame), ref count, ref print);
            }

            if (status == ParseStatus.Error)
            {
                return (count, print, parser.Error);
            }

            parser.Clear();
            parser.Rebase(position);
            buffer.AsSpan(position, filled - position).CopyTo(buffer);
            filled -= position;
        }

        return (count, print, null);
    }

    private static void Add(in Arguments arguments, ref int count, ref ulong print)
    {
        count++;
        for (int i = 0; i < arguments.Count; i++)
        {
            Mix(arguments[i], ref print);
        }
    }

    private static void Mix(ReadOnlySpan<byte> argument, ref ulong print)
    {
        foreach (byte b in argument)
        {
            print = (print ^ b) * 0x0000_0100_0000_01B3;
        }

        print = (print ^ 0x1FF) * 0x0000_0100_0000_01B3;
    }
}
