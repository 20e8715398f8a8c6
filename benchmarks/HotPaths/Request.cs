namespace GuestMemFs.HotPaths;

/// <summary>
/// A command as a client sends it, for a key by its number. All of its replies have one length: a client waits for so
/// many bytes.
/// </summary>
/// <param name="Name">The command.</param>
/// <param name="ReplyLength">Bytes of each reply.</param>
/// <param name="Words">The command's words for a key's number.</param>
internal sealed record Request(string Name, int ReplyLength, Func<int, string[]> Words)
{
    private const int ValueLength = 100;
    private static readonly string s_value = new('x', ValueLength);

    public static readonly Request Get = new(
        "GET", $"${ValueLength}\r\n".Length + ValueLength + 2, key => ["GET", Key(key)]);

    public static readonly Request Set = new("SET", "+OK\r\n".Length, key => ["SET", Key(key), s_value]);

    /// <summary>What an increment finds: with seven digits, as its reply has.</summary>
    public static readonly Request SetCounter = new(
        "SET", "+OK\r\n".Length, key => ["SET", $"count:{key:D10}", "1000000"]);

    public static readonly Request Increment = new("INCR", ":1000001\r\n".Length, key => ["INCR", $"count:{key:D10}"]);

    /// <summary>Eight bytes behind a value, which has three digits' length before and after.</summary>
    public static readonly Request Append = new("APPEND", ":108\r\n".Length, key => ["APPEND", Key(key), "12345678"]);

    /// <summary>Ten fields a hash, so that each is a small one.</summary>
    public static readonly Request SetField = new(
        "HSET", ":1\r\n".Length, key => ["HSET", $"hash:{key / 10:D11}", $"field:{key % 10}", "a field's value"]);

    /// <summary>The request's bytes.</summary>
    public string Text(int key)
    {
        string[] words = Words(key);
        return $"*{words.Length}\r\n{string.Concat(words.Select(word => $"${word.Length}\r\n{word}\r\n"))}";
    }

    private static string Key(int key) => $"key:{key:D12}";
}
