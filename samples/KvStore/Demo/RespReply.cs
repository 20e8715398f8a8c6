using System.Globalization;
using System.Text;

namespace KvStore.Demo;

/// <summary>What a reply is, by its first byte in RESP2 and RESP3.</summary>
internal enum RespKind : byte
{
    Null,
    Simple,
    Error,
    Integer,
    Bulk,
    Array,
    Map,
    Set,
    Double,
    Boolean,
    BigNumber,
    Verbatim,
    Push,
}

/// <summary>One reply of a server, as the client parsed it.</summary>
internal sealed record RespReply(RespKind Kind, byte[]? Bytes = null, long Integer = 0, RespReply[]? Items = null)
{
    public static readonly RespReply Null = new(RespKind.Null);

    /// <summary>The text of a string, an error or a number; the empty string for what has none.</summary>
    public string Text => Bytes is null ? (Kind == RespKind.Integer ? Integer.ToString(CultureInfo.InvariantCulture)
        : "") : Encoding.UTF8.GetString(Bytes);

    public bool IsNull => Kind == RespKind.Null;

    public bool IsError => Kind == RespKind.Error;

    /// <summary>A short form for messages.</summary>
    public override string ToString() => Kind switch
    {
        RespKind.Null => "(nil)",
        RespKind.Integer => $":{Integer}",
        RespKind.Simple => $"+{Text}",
        RespKind.Error => $"-{Text}",
        RespKind.Array or RespKind.Map or RespKind.Set or RespKind.Push =>
            $"{Kind}[{string.Join(", ", Items!.Take(16).Select(i => i.ToString()))}" +
            $"{(Items!.Length > 16 ? ", …" : "")}]",
        _ => Describe(Bytes ?? []),
    };

    /// <summary>Bytes as a message shows them: the start, printable, and the length.</summary>
    public static string Describe(ReadOnlySpan<byte> bytes)
    {
        var text = new StringBuilder("\"");
        foreach (byte b in bytes[..Math.Min(bytes.Length, 48)])
        {
            text.Append(b is >= 0x20 and < 0x7f ? ((char)b).ToString() : $"\\x{b:x2}");
        }

        return text.Append(bytes.Length > 48 ? $"…\" ({bytes.Length} bytes)" : $"\" ({bytes.Length} bytes)").ToString();
    }
}
