using System.Globalization;
using System.Text;

namespace KvStore.Replication;

/// <summary>Where a master listens.</summary>
internal readonly record struct MasterAddress(string Host, int Port)
{
    /// <summary>Bytes of the longest host that is taken: a name of DNS has less.</summary>
    public const int LongestHost = 255;

    /// <summary>Reads "host port"; false where it is none.</summary>
    public static bool TryParse(string text, out MasterAddress address)
    {
        string[] words = text.Split([' ', '\t'], StringSplitOptions.RemoveEmptyEntries);
        address = default;
        return words.Length == 2 && TryMake(words[0], words[1], out address);
    }

    /// <summary>The same of both parts.</summary>
    public static bool TryMake(string host, string port, out MasterAddress address)
    {
        bool right = int.TryParse(port, NumberStyles.None, CultureInfo.InvariantCulture, out int number)
            && number is > 0 and <= ushort.MaxValue && host.Length > 0 && host.All(it => it is > ' ' and < (char)127)
            && Encoding.ASCII.GetByteCount(host) <= LongestHost;
        address = right ? new MasterAddress(host, number) : default;
        return right;
    }

    /// <summary>True where two words say that there is no master.</summary>
    public static bool IsNone(string host, string port) =>
        host.Equals("no", StringComparison.OrdinalIgnoreCase) && port.Equals("one", StringComparison.OrdinalIgnoreCase);

    public override string ToString() => $"{Host} {Port}";
}
