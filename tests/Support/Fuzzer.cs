using System.Diagnostics;
using System.Globalization;
using System.Text;

namespace GuestMemFs.Support;

/// <summary>
/// Gives a target millions of inputs: valid ones from a corpus that were changed in a few places, with bytes that mean
/// something to the format. All of it follows from the seed. An input that fails is made as small as it will get, and
/// said in full.
/// </summary>
public sealed class Fuzzer(int seed, IReadOnlyList<byte[]> corpus, IReadOnlyList<byte[]> tokens)
{
    private static readonly TimeSpan s_limit = TimeSpan.FromSeconds(1);

    private readonly Random _random = new(seed);
    private byte[] _buffer = new byte[1024];

    /// <summary>Memory that an input may make a target ask for: so much, and so many times its own length.</summary>
    public long AllocatedAtMost { get; init; } = 64 << 10;

    public int AllocatedPerByte { get; init; } = 64;

    /// <summary>Inputs no longer than this.</summary>
    public int MaximumLength { get; init; } = 512;

    /// <summary>Runs the target; throws with the input that it fails on.</summary>
    /// <returns>How many inputs it got.</returns>
    public long Run(long inputs, Action<byte[], Random> target, TimeSpan? atMost = null)
    {
        long started = Stopwatch.GetTimestamp();
        long done = 0;
        foreach (byte[] valid in corpus)
        {
            Try(valid, seed, target, done++);
        }

        for (; done < inputs
            && (atMost is null || (done & 0xFF) != 0 || Stopwatch.GetElapsedTime(started) < atMost); done++)
        {
            byte[] input = Next();
            Try(input, _random.Next(), target, done);
        }

        return done;
    }

    private void Try(byte[] input, int inner, Action<byte[], Random> target, long index)
    {
        if (Failure(input, inner, target) is not { } failure)
        {
            return;
        }

        byte[] smallest = Minimise(input, inner, target, failure);
        throw new InvalidOperationException(string.Create(
            CultureInfo.InvariantCulture,
            $"seed {seed}, input {index} (of {input.Length} bytes, made smaller to {smallest.Length}), inner " +
            $"seed {inner}: {Failure(smallest, inner, target) ?? failure}\n  {Literal(smallest)}"));
    }

    /// <summary>What is wrong with what the target made of an input, or null.</summary>
    private string? Failure(byte[] input, int inner, Action<byte[], Random> target)
    {
        long before = GC.GetAllocatedBytesForCurrentThread();
        long started = Stopwatch.GetTimestamp();
        try
        {
            target(input, new Random(inner));
        }
        catch (Exception error) when (error is not OutOfMemoryException { InnerException: not null })
        {
            return $"{error.GetType().Name}: {error.Message}";
        }

        long allocated = GC.GetAllocatedBytesForCurrentThread() - before;
        return allocated > AllocatedAtMost + ((long)AllocatedPerByte * input.Length)
            ? $"it allocated {allocated} bytes for {input.Length}"
            : Stopwatch.GetElapsedTime(started) > s_limit && IsSlow(input, inner, target) ? "it took over a second"
            : null;
    }

    // On a busy machine one long run says nothing.
    private static bool IsSlow(byte[] input, int inner, Action<byte[], Random> target)
    {
        for (int i = 0; i < 3; i++)
        {
            long started = Stopwatch.GetTimestamp();
            target(input, new Random(inner));
            if (Stopwatch.GetElapsedTime(started) < s_limit)
            {
                return false;
            }
        }

        return true;
    }

    /// <summary>Takes pieces out, the large ones first, as long as it still fails in the same way.</summary>
    private byte[] Minimise(byte[] input, int inner, Action<byte[], Random> target, string failure)
    {
        string kind = failure.Split(' ')[0];
        for (int piece = Math.Max(1, input.Length / 2); piece > 0; piece /= 2)
        {
            for (int at = 0; at + piece <= input.Length;)
            {
                byte[] shorter = [.. input.AsSpan(0, at), .. input.AsSpan(at + piece)];
                if (Failure(shorter, inner, target)?.Split(' ')[0] == kind)
                {
                    input = shorter;
                }
                else
                {
                    at += piece;
                }
            }
        }

        return input;
    }

    private byte[] Next()
    {
        byte[] from = corpus[_random.Next(corpus.Count)];
        int length = Math.Min(from.Length, MaximumLength);
        from.AsSpan(0, length).CopyTo(Room(MaximumLength));
        for (int changes = 1 + _random.Next(4); changes > 0; changes--)
        {
            length = Change(length);
        }

        return _buffer.AsSpan(0, length).ToArray();
    }

    private int Change(int length)
    {
        int at = length == 0 ? 0 : _random.Next(length);
        Span<byte> bytes = _buffer.AsSpan(0, MaximumLength);
        switch (_random.Next(9))
        {
            case 0 when length > 0:
                bytes[at] ^= (byte)(1 << _random.Next(8));
                return length;
            case 1 when length > 0:
                bytes[at] = (byte)_random.Next(256);
                return length;
            case 2 when length > 0: // a number's neighbours, in any width
                bytes[at] += (byte)(_random.Next(2) == 0 ? 1 : 255);
                return length;
            case 3: // shorter
                return at;
            case 4: // a piece out
                int gone = Math.Min(length - at, 1 + _random.Next(16));
                bytes[(at + gone)..length].CopyTo(bytes[at..]);
                return length - gone;
            case 5: // a piece twice
                return Insert(at, length, bytes.Slice(at, Math.Min(length - at, 1 + _random.Next(32))).ToArray());
            case 6: // the rest of another
                byte[] other = corpus[_random.Next(corpus.Count)];
                int start = other.Length == 0 ? 0 : _random.Next(other.Length);
                return Insert(at, at, other.AsSpan(start, Math.Min(other.Length - start, MaximumLength - at)));
            case 7:
                return Insert(at, length, tokens[_random.Next(tokens.Count)]);
            default: // a token in place of what was there
                byte[] token = tokens[_random.Next(tokens.Count)];
                int fits = Math.Min(token.Length, length - at);
                token.AsSpan(0, fits).CopyTo(bytes[at..]);
                return length;
        }
    }

    private int Insert(int at, int length, ReadOnlySpan<byte> what)
    {
        Span<byte> bytes = _buffer.AsSpan(0, MaximumLength);
        int added = Math.Min(what.Length, MaximumLength - length);
        bytes[at..length].CopyTo(bytes[(at + added)..]);
        what[..added].CopyTo(bytes[at..]);
        return length + added;
    }

    private Span<byte> Room(int length)
    {
        if (_buffer.Length < length)
        {
            _buffer = new byte[length];
        }

        return _buffer;
    }

    private static string Literal(byte[] bytes)
    {
        StringBuilder text = new("\"");
        foreach (byte b in bytes)
        {
            text.Append(b is >= 0x20 and < 0x7F and not (byte)'"' and not (byte)'\\' ? ((char)b).ToString()
                : $"\\x{b:X2}");
        }

        return text.Append('"').ToString();
    }
}
