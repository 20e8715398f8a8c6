using System.Net;
using System.Net.Sockets;

namespace KvStore.Demo;

/// <summary>
/// A writer that overwrites keys in a scattered order, pipelined, until the server is gone, and knows what was
/// acknowledged by then. Write number j goes to key (j × stride) mod N and makes it version 1 + j / N, so which version
/// a key must have follows from its index alone.
/// </summary>
internal sealed class Overwriter
{
    private readonly Dataset _data;
    private readonly long _stride;
    private readonly long _inverse;
    private long _acknowledged;

    /// <param name="data">What is overwritten.</param>
    /// <param name="acknowledged">Writes of an earlier writer that were answered.</param>
    /// <param name="sent">Writes of it that may have been sent; at least as many.</param>
    public Overwriter(Dataset data, long acknowledged = 0, long sent = 0)
    {
        _data = data;
        _acknowledged = acknowledged;
        Sent = sent;
        (_stride, _inverse) = Stride(data.Keys);
    }

    /// <summary>Writes that were answered.</summary>
    public long Acknowledged => Volatile.Read(ref _acknowledged);

    /// <summary>Writes that were sent.</summary>
    public long Sent { get; private set; }

    /// <summary>Writes until the connection breaks. Anything but that break is an error.</summary>
    public void Run(EndPoint server)
    {
        var key = new byte[Dataset.KeyLength];
        var value = new byte[_data.ValueLength];
        try
        {
            using var client = RespClient.Connect(server);
            while (true)
            {
                for (int i = Loader.BatchSize(_data); i > 0; i--)
                {
                    long index = (long)((UInt128)(ulong)(Sent % _data.Keys) * (ulong)_stride % (ulong)_data.Keys);
                    Dataset.Key(index, key);
                    _data.Value(index, 1 + (Sent / _data.Keys), value);
                    Loader.AddSet(client, key, value);
                    Sent++;
                }

                client.Flush();
                while (_acknowledged < Sent)
                {
                    client.ReadOk();
                    Volatile.Write(ref _acknowledged, _acknowledged + 1);
                }
            }
        }
        catch (Exception e) when (e is EndOfStreamException
            or SocketException { SocketErrorCode: not SocketError.TimedOut })
        {
            // The server was killed; what is acknowledged stays known.
        }
    }

    /// <summary>
    /// The versions that a key may have after the kill: from the last acknowledged one to the last one sent.
    /// </summary>
    public (long Least, long Most) Versions(long index)
    {
        long position = (long)((UInt128)(ulong)index * (ulong)_inverse % (ulong)_data.Keys);
        return (Before(Acknowledged), Before(Sent));

        long Before(long writes) => writes > position ? ((writes - 1 - position) / _data.Keys) + 1 : 0;
    }

    // A step of about the golden ratio that has no divisor in common with the number of keys meets every key once a
    // round; its inverse leads back.
    private static (long Stride, long Inverse) Stride(long keys)
    {
        for (long stride = Math.Max(1, (long)(keys * 0.6180339887)); ; stride++)
        {
            long a = stride, b = keys, x = 1, y = 0;
            while (b != 0)
            {
                long quotient = a / b;
                (a, b) = (b, a - (quotient * b));
                (x, y) = (y, x - (quotient * y));
            }

            if (a == 1)
            {
                return (stride % keys, ((x % keys) + keys) % keys);
            }
        }
    }
}
