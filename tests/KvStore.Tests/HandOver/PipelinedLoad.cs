using System.Diagnostics;
using System.Globalization;
using System.Net;
using KvStore.Demo;

namespace KvStore.Tests.HandOver;

/// <summary>
/// Clients that keep so many commands under way each, and look at each reply: a counter of their own tells where one
/// was lost, came twice, or came out of order.
/// </summary>
internal sealed class PipelinedLoad : IDisposable
{
    private const int BatchesToLarge = 50;

    private readonly List<Thread> _threads = [];
    private readonly List<string> _faults = [];
    private readonly int _depth;
    private readonly int _large;
    private volatile bool _ends;
    private long _replies;
    private long _longest;

    /// <param name="server">Which server.</param>
    /// <param name="clients">How many.</param>
    /// <param name="depth">Commands of each that are under way.</param>
    /// <param name="large">Bytes of a value that is written and read now and then; 0 for none.</param>
    public PipelinedLoad(EndPoint server, int clients, int depth, int large = 0)
    {
        (_depth, _large) = (depth, large);
        for (int i = 0; i < clients; i++)
        {
            int number = i;
            var thread = new Thread(() => Run(RespClient.Connect(server), number)) { IsBackground = true };
            _threads.Add(thread);
            thread.Start();
        }
    }

    /// <summary>Replies so far.</summary>
    public long Replies => Interlocked.Read(ref _replies);

    /// <summary>
    /// The longest time between two replies to the same client, since the last time it was asked for.
    /// </summary>
    public TimeSpan TakeLongest() => Stopwatch.GetElapsedTime(0, Interlocked.Exchange(ref _longest, 0));

    /// <summary>Waits for so many replies more.</summary>
    public void WaitForMore(long replies)
    {
        long target = Replies + replies;
        SpinWait.SpinUntil(() => Replies >= target || !_threads.TrueForAll(it => it.IsAlive), Patience.Limit);
        Assert.True(Replies >= target, $"{Replies} of {target} replies; {Faults}");
    }

    /// <summary>Ends the clients; what went wrong, empty where nothing did.</summary>
    public string End()
    {
        _ends = true;
        _threads.ForEach(thread => thread.Join());
        return Faults;
    }

    public void Dispose() => _ = End();

    private string Faults
    {
        get
        {
            lock (_faults)
            {
                return string.Join('\n', _faults);
            }
        }
    }

    private void Run(RespClient connected, int number)
    {
        using RespClient client = connected;
        string key = string.Create(CultureInfo.InvariantCulture, $"counter:{_large}:{number}");
        byte[] value = new byte[_large];
        long expected = client.Call("INCRBY", key, "0").Integer;
        long last = Stopwatch.GetTimestamp();
        try
        {
            for (int batch = 1; !_ends; batch++)
            {
                for (int i = 0; i < _depth; i++)
                {
                    client.Add("INCR", key);
                }

                client.Flush();
                for (int i = 0; i < _depth; i++)
                {
                    Expect(client.Read().Integer, ++expected, ref last);
                }

                if (_large > 0 && batch % BatchesToLarge == 0)
                {
                    new Random(batch).NextBytes(value);
                    client.Add("SET", key + ":large", value);
                    client.Add("GET", key + ":large");
                    client.Flush();
                    Expect(client.Read().Text == "OK" ? 1 : 0, 1, ref last);
                    Expect(client.Read().Bytes.AsSpan().SequenceEqual(value) ? 1 : 0, 1, ref last);
                }
            }
        }
        catch (Exception e)
        {
            lock (_faults)
            {
                _faults.Add($"client {number}, after {expected}: {e.Message}");
            }
        }
    }

    private void Expect(long found, long expected, ref long last)
    {
        long now = Stopwatch.GetTimestamp();
        long longest = Interlocked.Read(ref _longest);
        while (now - last > longest)
        {
            longest = Interlocked.CompareExchange(ref _longest, now - last, longest) is var seen && seen == longest
                ? now - last : seen;
        }

        last = now;
        Interlocked.Increment(ref _replies);
        if (found != expected)
        {
            throw new InvalidDataException($"the reply is {found}, and {expected} was expected");
        }
    }
}
