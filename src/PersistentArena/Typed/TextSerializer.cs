using System.Buffers;
using System.Text;

namespace GuestMemFs.Typed;

internal sealed class TextSerializer : IPersistentSerializer<string>
{
    // Half a surrogate pair would come back as another character: two keys could be one.
    private static readonly UTF8Encoding s_strict =
        new(encoderShouldEmitUTF8Identifier: false, throwOnInvalidBytes: true);

    public string Shape => "text";

    public bool KeepsOrder => true;

    public void Write(string value, IBufferWriter<byte> output)
    {
        ArgumentNullException.ThrowIfNull(value);
        s_strict.GetBytes(value, output);
    }

    public string Read(ReadOnlySpan<byte> bytes) => s_strict.GetString(bytes);
}
