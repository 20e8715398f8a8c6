namespace KvStore.Demo;

/// <summary>Reads every key back and compares every byte.</summary>
internal sealed class Verifier(Dataset data, Overwriter writes)
{
    private const int BatchesUnderWay = 4;
    private readonly byte[] _key = new byte[Dataset.KeyLength];
    private readonly byte[] _expected = new byte[data.ValueLength];

    public long Right { get; private set; }

    public long Lost { get; private set; }

    public long Wrong { get; private set; }

    /// <summary>The first few that are not right, in words.</summary>
    public List<string> Examples { get; } = [];

    /// <summary>Checks all keys.</summary>
    public void Run(RespClient client, Action<long> progress, CancellationToken stop)
    {
        int batch = Loader.BatchSize(data);
        long read = 0;
        for (long sent = 0; read < data.Keys;)
        {
            stop.ThrowIfCancellationRequested();
            for (long end = Math.Min(sent + batch, data.Keys); sent < end; sent++)
            {
                Dataset.Key(sent, _key);
                client.Begin(2);
                client.Argument("GET"u8);
                client.Argument(_key);
            }

            client.Flush();
            long until = sent == data.Keys ? sent : sent - (batch * (BatchesUnderWay - 1));
            for (; read < until; read++)
            {
                bool there = client.TryReadBulk(out ReadOnlySpan<byte> got);
                Judge(read, there, got);
            }

            progress(read);
        }
    }

    /// <summary>Whether a value is one that the key may have.</summary>
    public bool IsRight(long index, ReadOnlySpan<byte> got)
    {
        (long least, long most) = writes.Versions(index);
        for (long version = least; version <= most; version++)
        {
            data.Value(index, version, _expected);
            if (got.SequenceEqual(_expected))
            {
                return true;
            }
        }

        return false;
    }

    private void Judge(long index, bool there, ReadOnlySpan<byte> got)
    {
        if (there && IsRight(index, got))
        {
            Right++;
            return;
        }

        if (there)
        {
            Wrong++;
        }
        else
        {
            Lost++;
        }

        if (Examples.Count < 5)
        {
            Dataset.Key(index, _key);
            string what = there ? RespReply.Describe(got) + " is not its value" : "is lost";
            Examples.Add($"{System.Text.Encoding.ASCII.GetString(_key)}: {what}");
        }
    }
}
