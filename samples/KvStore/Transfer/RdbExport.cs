using System.Globalization;
using System.Text;
using KvStore.Demo;
using KvStore.Rdb;

namespace KvStore.Transfer;

/// <summary>Writes the keys of a server as a file, by SCAN and DUMP.</summary>
/// <remarks>
/// Without the pause each key is as it was when it was read. A scan may name a key twice, which no reader takes: 16
/// bytes of each key's hash are kept meanwhile.
/// </remarks>
internal sealed class RdbExport(TransferOptions options)
{
    private const int KeysAtOnce = 256;
    private const long BytesAtOnce = 8 << 20;
    private const int PauseMilliseconds = 20_000;

    private long _paused;
    private long _total;

    /// <summary>Does it, and says what was done.</summary>
    /// <exception cref="InvalidDataException">The server refused something, or replied what cannot be. There is no
    /// file, or the one of before.</exception>
    public string Run()
    {
        string partial = options.File + ".partial";
        using FileStream file = NewFile(partial);
        try
        {
            using RespClient client = options.Connect();
            long keys;
            using (RdbFileWriter writer = new(file))
            {
                try
                {
                    KeepPaused(client);
                    WriteFunctions(client, writer);
                    keys = WriteDatabases(client, writer);
                }
                finally
                {
                    EndPause(client);
                }

                writer.End();
            }

            File.Move(partial, options.File, overwrite: true);
            return $"{keys} keys exported";
        }
        catch
        {
            File.Delete(partial);
            throw;
        }
    }

    // What a killed export left is removed. No link is followed, and nobody else's file is written.
    private FileStream NewFile(string path)
    {
        options.Trust.RequireDirectoryOf(path);
        if (Path.Exists(path) || new FileInfo(path).LinkTarget is not null)
        {
            options.Trust.OpenFile(path).Dispose();
            using (new FileStream(path, FileMode.Open, FileAccess.Write, FileShare.None))
            {
                File.Delete(path); // Nobody writes it.
            }
        }

        return RdbFileWriter.Create(path);
    }

    private static RespReply Answer(RespReply reply) => reply.IsError
        ? throw new InvalidDataException($"The server refused: {reply.Text}")
        : reply;

    private static void WriteFunctions(RespClient client, RdbFileWriter writer)
    {
        RespReply reply = client.Call("FUNCTION", "DUMP");
        if (!reply.IsError) // Servers before 7.0 have none.
        {
            writer.WriteFunctions(reply.Bytes);
        }
    }

    private long WriteDatabases(RespClient client, RdbFileWriter writer)
    {
        List<(ulong Number, long Keys)> databases = ReadDatabases(Answer(client.Call("INFO", "keyspace")).Text);
        _total = databases.Sum(each => each.Keys);
        ProgressBar bar = new(Console.Out, "keys", _total, terminal: !Console.IsOutputRedirected);
        long written = 0;
        foreach ((ulong number, _) in databases)
        {
            Answer(client.Call("SELECT", $"{number}"));
            writer.SelectDatabase(number);
            written = WriteDatabase(client, writer, bar, written);
        }

        return written;
    }

    private long WriteDatabase(RespClient client, RdbFileWriter writer, ProgressBar bar, long written)
    {
        SeenKeys seen = new();
        string cursor = "0";
        do
        {
            KeepPaused(client);
            RespReply reply = Answer(client.Call("SCAN", cursor, "COUNT", $"{KeysAtOnce}"));
            if (reply.Items is not [{ Bytes: { } next }, { Items: { } found }] || found.Any(each => each.Bytes is null))
            {
                throw new InvalidDataException($"The server's reply to SCAN is none: {reply}");
            }

            cursor = Encoding.Latin1.GetString(next);
            byte[][] keys = [.. found.Select(each => each.Bytes!).Where(seen.TryAdd)];
            for (Queue<(byte[] Key, long Length)> left = new(LengthsOf(client, keys)); left.Count > 0;)
            {
                written += WriteSome(client, writer, left);
                KeepPaused(client);
            }

            bar.Report(Math.Min(written, _total));
        }
        while (cursor != "0");

        return written;
    }

    // As many as the server may reply at once: what it cannot send is limited there.
    private static long WriteSome(RespClient client, RdbFileWriter writer, Queue<(byte[] Key, long Length)> left)
    {
        List<byte[]> some = [];
        for (long bytes = 0; left.Count > 0 && (some.Count == 0 || bytes + left.Peek().Length <= BytesAtOnce);)
        {
            (byte[] key, long length) = left.Dequeue();
            bytes += length;
            some.Add(key);
            client.Add("PEXPIRETIME", key);
            client.Add("DUMP", key);
        }

        client.Flush();
        long written = 0;
        foreach (byte[] key in some)
        {
            long time = Answer(client.Read()).Integer;
            RespReply dump = Answer(client.Read());
            if (!dump.IsNull) // It has gone since the scan.
            {
                writer.WriteKey(key, time < 0 ? null : time, dump.Bytes ?? []);
                written++;
            }
        }

        return written;
    }

    // About how long the replies to DUMP will be. A string may have far more bytes than memory.
    private static List<(byte[] Key, long Length)> LengthsOf(RespClient client, byte[][] keys)
    {
        foreach (byte[] key in keys)
        {
            client.Add("MEMORY", "USAGE", key);
            client.Add("STRLEN", key);
        }

        client.Flush();
        List<(byte[] Key, long Length)> lengths = [];
        foreach (byte[] key in keys)
        {
            RespReply memory = client.Read();
            RespReply length = client.Read(); // An error, where it is no string.
            lengths.Add((key, memory.IsError ? BytesAtOnce : Math.Max(memory.Integer, length.Integer)));
        }

        return lengths;
    }

    // db0:keys=3,expires=0,avg_ttl=0
    private static List<(ulong Number, long Keys)> ReadDatabases(string info)
    {
        List<(ulong Number, long Keys)> databases = [];
        foreach (string line in info.Split("\r\n").Where(line => line.StartsWith("db", StringComparison.Ordinal)))
        {
            string[] parts = line.Split(':', '=', ',');
            if (parts.Length < 3
                || !ulong.TryParse(parts[0].AsSpan(2), CultureInfo.InvariantCulture, out ulong number)
                || !long.TryParse(parts[2], CultureInfo.InvariantCulture, out long keys))
            {
                throw new InvalidDataException($"The server's INFO has a line that is none: {line}");
            }

            databases.Add((number, keys));
        }

        return databases;
    }

    // An export that is killed lets go of the writers after a while.
    private void KeepPaused(RespClient client)
    {
        long now = Environment.TickCount64;
        if (options.Pauses && (_paused == 0 || now - _paused > PauseMilliseconds / 4))
        {
            Answer(client.Call("CLIENT", "PAUSE", $"{PauseMilliseconds}", "WRITE"));
            _paused = now;
        }
    }

    private void EndPause(RespClient client)
    {
        if (_paused != 0)
        {
            client.Call("CLIENT", "UNPAUSE");
        }
    }
}
