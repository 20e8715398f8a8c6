namespace KvStore.Demo;

/// <summary>
/// Loads a dataset through one connection, pipelined: the next batches are sent while the replies of the last are on
/// their way.
/// </summary>
internal static class Loader
{
    /// <summary>Keys in a batch; its bytes stay below what a socket takes at once.</summary>
    public const int BatchKeys = 256;

    private const int BatchesUnderWay = 4;

    /// <summary>
    /// Sets every key of the dataset in version 0. <paramref name="progress"/> is told the number of acknowledged keys.
    /// </summary>
    public static void Load(RespClient client, Dataset data, Action<long> progress, CancellationToken stop)
    {
        var key = new byte[Dataset.KeyLength];
        var value = new byte[data.ValueLength];
        long acknowledged = 0;
        for (long sent = 0; acknowledged < data.Keys;)
        {
            stop.ThrowIfCancellationRequested();
            for (long end = Math.Min(sent + BatchSize(data), data.Keys); sent < end; sent++)
            {
                Dataset.Key(sent, key);
                data.Value(sent, 0, value);
                AddSet(client, key, value);
            }

            client.Flush();
            long until = sent == data.Keys ? sent : sent - (BatchSize(data) * (BatchesUnderWay - 1));
            for (; acknowledged < until; acknowledged++)
            {
                client.ReadOk();
            }

            progress(acknowledged);
        }
    }

    /// <summary>Adds a SET without allocating.</summary>
    public static void AddSet(RespClient client, ReadOnlySpan<byte> key, ReadOnlySpan<byte> value)
    {
        client.Begin(3);
        client.Argument("SET"u8);
        client.Argument(key);
        client.Argument(value);
    }

    /// <summary>Keys in a batch of this dataset: fewer, where values are large.</summary>
    public static int BatchSize(Dataset data) => Math.Clamp(32 * 1024 / (data.ValueLength + 1), 1, BatchKeys);
}
