using System.Globalization;
using System.Text;
using KvStore.Demo;
using KvStore.Memory;
using KvStore.Rdb;

namespace KvStore.Transfer;

/// <summary>Has a server take every key of a file, by RESTORE.</summary>
/// <remarks>
/// The file is read twice: to see that it is whole, then to send it. Memory is taken for the largest key, and for
/// what is sent at once.
/// </remarks>
internal sealed class RdbImport(TransferOptions options)
{
    private const int MostAtOnce = 256;
    private const int MostBytesAtOnce = 1 << 20;

    private long _keys;
    private long _skipped;
    private long _functions;
    private ulong _database;

    // Of what was sent and not answered: keys, true; others, false.
    private readonly Queue<bool> _sent = [];

    /// <summary>Does it, and says what was done.</summary>
    /// <exception cref="RdbFormatException">The file is damaged; nothing was sent.</exception>
    /// <exception cref="InvalidDataException">The server refused something; what was sent before it is there.
    /// </exception>
    public string Run()
    {
        using FileStream file = new(options.Trust.OpenFile(options.File), FileAccess.Read);
        using (RdbFileReader whole = new(file, file.Length))
        {
            ProgressBar bar = Bar("bytes read", file.Length);
            while (whole.ReadNext() is not null)
            {
                bar.Report(file.Length - whole.Remaining);
            }
        }

        file.Position = 0;
        using RdbFileReader reader = new(file, file.Length);
        using RespClient client = options.Connect();
        Send(reader, client, Bar("bytes sent", file.Length), file.Length);
        string skipped = _skipped > 0 ? $", {_skipped} were there" : "";
        return $"{_keys} keys imported{skipped}, {_functions} libraries";
    }

    private static ProgressBar Bar(string unit, long total) => new(
        Console.Out, unit, total, terminal: !Console.IsOutputRedirected);

    private void Send(RdbFileReader reader, RespClient client, ProgressBar bar, long length)
    {
        using GrowingBuffer payload = new();
        while (reader.ReadNext() is { } item)
        {
            if (item == RdbItem.Function)
            {
                SendFunction(reader, client);
            }
            else
            {
                SendKey(reader, client, payload);
            }

            if (_sent.Count >= MostAtOnce || client.Pending >= MostBytesAtOnce)
            {
                ReadReplies(client);
                bar.Report(length - reader.Remaining);
            }
        }

        ReadReplies(client);
        bar.Report(length);
    }

    private void SendFunction(RdbFileReader reader, RespClient client)
    {
        client.Begin(options.Replaces ? 4 : 3);
        client.Argument("FUNCTION"u8);
        client.Argument("LOAD"u8);
        if (options.Replaces)
        {
            client.Argument("REPLACE"u8);
        }

        client.Argument(reader.Key.Span);
        _sent.Enqueue(false);
        _functions++;
    }

    private void SendKey(RdbFileReader reader, RespClient client, GrowingBuffer payload)
    {
        if (reader.Database != _database)
        {
            _database = reader.Database;
            client.Add("SELECT", $"{_database}");
            _sent.Enqueue(false);
        }

        payload.CutTo(0);
        RdbOutput output = new(payload);
        output.Raw(reader.Content.Span);
        DumpPayload.Close(output, reader.Version);
        string? hint = reader.IdleSeconds is not null ? "IDLETIME" : reader.Frequency is not null ? "FREQ" : null;
        client.Begin(5 + (options.Replaces ? 1 : 0) + (hint is null ? 0 : 2));
        client.Argument("RESTORE"u8);
        client.Argument(reader.Key.Span);
        client.Argument(Text(Math.Max(reader.ExpiresAt ?? 0, reader.ExpiresAt is null ? 0 : 1))); // 0 is for never
        client.Argument(payload.Span);
        client.Argument("ABSTTL"u8);
        if (options.Replaces)
        {
            client.Argument("REPLACE"u8);
        }

        if (hint is not null)
        {
            client.Argument(Encoding.ASCII.GetBytes(hint));
            client.Argument(Text((long?)reader.IdleSeconds ?? reader.Frequency ?? 0));
        }

        _sent.Enqueue(true);
    }

    private static byte[] Text(long number) =>
        Encoding.ASCII.GetBytes(number.ToString(CultureInfo.InvariantCulture));

    private void ReadReplies(RespClient client)
    {
        client.Flush();
        while (_sent.TryDequeue(out bool isKey))
        {
            RespReply reply = client.Read();
            if (!reply.IsError)
            {
                _keys += isKey ? 1 : 0;
            }
            else if (options.Skips && IsThere(reply.Text))
            {
                _skipped++;
            }
            else
            {
                throw new InvalidDataException(
                    $"The server refused: {reply.Text}. The {_keys} keys before it are imported, and whole.");
            }
        }
    }

    private static bool IsThere(string error) => error.StartsWith("BUSYKEY", StringComparison.Ordinal)
        || error.Contains("already exists", StringComparison.Ordinal);
}
