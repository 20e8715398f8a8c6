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
            foreach (byte[] key in keys)
            {
                client.Add("PEXPIRETIME", key);
                client.Add("DUMP", key);
            }

            client.Flush();
            foreach (byte[] key in keys)
            {
                long time = Answer(client.Read()).Integer;
                RespReply dump = Answer(client.Read());
                if (!dump.IsNull) // It has gone since the scan.
                {
                    writer.WriteKey(key, time < 0 ? null : time, dump.Bytes ?? []);
                    written++;
                }
            }

            bar.Report(Math.Min(written, _total));
        }
        while (cursor != "0");

        return written;
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
