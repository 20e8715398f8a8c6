using System.Buffers;
using System.Globalization;
using System.Text.Json;
using System.Text.Json.Serialization.Metadata;

namespace GuestMemFs.Typed;

internal sealed class JsonTextSerializer<T>(JsonTypeInfo<T> type, int version) : IPersistentSerializer<T>
{
    [ThreadStatic]
    private static Utf8JsonWriter? t_writer;

    public string Shape { get; } = string.Create(CultureInfo.InvariantCulture, $"json {typeof(T)} version {version}");

    public void Write(T value, IBufferWriter<byte> output)
    {
        // Taken from its place meanwhile: a converter may come here again.
        Utf8JsonWriter writer = t_writer ?? new Utf8JsonWriter(output);
        t_writer = null;
        writer.Reset(output);
        JsonSerializer.Serialize(writer, value, type);
        writer.Flush();
        t_writer = writer;
    }

    public T Read(ReadOnlySpan<byte> bytes) => JsonSerializer.Deserialize(bytes, type)!;
}
