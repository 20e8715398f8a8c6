namespace GuestMemFs.KernelLab.Guest;

/// <summary>
/// The serial line to the machine's host: what is told there outlives this kernel, and can be asked for under the next.
/// Thread-safe.
/// </summary>
internal sealed class Host : IDisposable
{
    private readonly FileStream _line = new("/dev/ttyS1", FileMode.Open, FileAccess.ReadWrite, FileShare.ReadWrite,
        bufferSize: 0);
    private readonly Lock _lock = new();

    /// <summary>Tells the host a value. A kexec may cut the line off; the host then does not count it.</summary>
    public void Tell(string name, FormattableString value) => Tell(name, FormattableString.Invariant(value));

    /// <summary>Tells the host a value.</summary>
    public void Tell(string name, string value)
    {
        // The leading newline ends what an earlier kernel was cut off in.
        byte[] text = System.Text.Encoding.UTF8.GetBytes($"\n\u0002{name}={value.ReplaceLineEndings(" | ")}\u0003\n");
        lock (_lock)
        {
            _line.Write(text);
        }
    }

    /// <summary>What was told last under a name; empty where nothing was.</summary>
    public string Ask(string name)
    {
        lock (_lock)
        {
            Tell("?", name);
            var answer = new List<byte>();
            for (int next = _line.ReadByte(); next != '\n'; next = _line.ReadByte())
            {
                if (next < 0)
                {
                    throw new EndOfStreamException("The serial line to the host is closed.");
                }

                answer.Add((byte)next);
            }

            return System.Text.Encoding.UTF8.GetString([.. answer]);
        }
    }

    public long AskNumber(string name) => long.Parse(Ask(name), System.Globalization.CultureInfo.InvariantCulture);

    public void Dispose() => _line.Dispose();
}
