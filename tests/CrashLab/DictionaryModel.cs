using System.Text;

namespace GuestMemFs.CrashLab;

/// <summary>What a dictionary should hold: value and expiry by key.</summary>
internal sealed class DictionaryModel : ILabModel<PersistentDictionary, DictionaryModel>
{
    /// <summary>
    /// What the lab's clock says, in milliseconds. What has expired counts until it is removed.
    /// </summary>
    private const long Now = 1_000_000;

    private readonly SortedDictionary<string, (string Value, long ExpiresAt)> _records = new(StringComparer.Ordinal);

    public DictionaryModel()
    {
    }

    private DictionaryModel(DictionaryModel other) => _records = new(other._records, StringComparer.Ordinal);

    public IDictionary<string, (string Value, long ExpiresAt)> Records => _records;

    public DictionaryModel Copy() => new(this);

    /// <summary>One line per difference; empty where the dictionary holds just this.</summary>
    public string Difference(PersistentDictionary dictionary)
    {
        StringBuilder text = new();
        if (dictionary.Count != _records.Count)
        {
            text.Append("count ").Append(dictionary.Count).Append(" instead of ").Append(_records.Count).AppendLine();
        }

        foreach ((string key, (string value, long expiresAt)) in _records)
        {
            Peek peek = default;
            bool found = dictionary.TryRead(Encoding.UTF8.GetBytes(key), ref peek);
            bool isThere = expiresAt is 0 or > Now;
            if (found != isThere || (found && (peek.Value != value || peek.ExpiresAt != expiresAt)))
            {
                text.Append(key).Append(": ").AppendLine(!isThere ? "there, though it has expired" : !found ? "missing"
                    : $"{Short(peek.Value)} until {peek.ExpiresAt} instead of {Short(value)} until {expiresAt}");
            }
        }

        return text.ToString();
    }

    private static string Short(string? value) =>
        value is { Length: > 20 } ? $"{value[..20]}… ({value.Length})" : value ?? "null";

    private struct Peek : IRecordReader
    {
        public string Value;
        public long ExpiresAt;

        public void Read(in RecordView record)
        {
            Value = record.IsInteger ? record.Integer.ToString(System.Globalization.CultureInfo.InvariantCulture)
                : Encoding.UTF8.GetString(record.Value);
            ExpiresAt = record.ExpiresAt;
        }
    }
}
