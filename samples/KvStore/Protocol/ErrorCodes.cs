using System.Text;

namespace KvStore.Protocol;

/// <summary>How many error replies began with which code. Used under the engine's gate.</summary>
internal sealed class ErrorCodes
{
    /// <summary>Scripts make codes of their own: those behind so many are not told apart.</summary>
    private const int Most = 128;

    private const int LongestCode = 64;
    private const string Others = "ERRORSTATS_OVERFLOW";

    private readonly SortedDictionary<string, long> _counts = new(StringComparer.Ordinal);

    /// <summary>Each code, and how often it was replied.</summary>
    public IEnumerable<KeyValuePair<string, long>> All => _counts;

    /// <summary>Counts an error reply, its code first.</summary>
    public void Count(ReadOnlySpan<byte> message)
    {
        int end = message.IndexOf((byte)' ');
        ReadOnlySpan<byte> code = end < 0 ? message : message[..end];
        string name = Encoding.Latin1.GetString(code[..Math.Min(code.Length, LongestCode)]);
        if (_counts.Count >= Most && !_counts.ContainsKey(name))
        {
            name = Others;
        }

        _counts[name] = _counts.GetValueOrDefault(name) + 1;
    }

    public void Reset() => _counts.Clear();
}
