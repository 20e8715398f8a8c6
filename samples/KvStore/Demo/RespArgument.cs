using System.Globalization;
using System.Text;

namespace KvStore.Demo;

/// <summary>An argument of a command: bytes, made from text or a number where that reads better.</summary>
internal readonly struct RespArgument
{
    private readonly byte[]? _bytes;

    private RespArgument(byte[] bytes) => _bytes = bytes;

    public ReadOnlySpan<byte> Bytes => _bytes;

    public static implicit operator RespArgument(byte[] bytes) => new(bytes);

    public static implicit operator RespArgument(string text) => new(Encoding.UTF8.GetBytes(text));

    public static implicit operator RespArgument(long number) =>
        new(Encoding.ASCII.GetBytes(number.ToString(CultureInfo.InvariantCulture)));
}
