using System.Buffers;

namespace GuestMemFs.Typed;

/// <summary>
/// A thread's buffer for what is made into bytes; given back by dispose. Where one is in use (a serializer calls a
/// collection), it is another one.
/// </summary>
internal readonly ref struct Scratch
{
    private const int LargestKept = 1 << 20;

    [ThreadStatic]
    private static ArrayBufferWriter<byte>? t_first;

    [ThreadStatic]
    private static ArrayBufferWriter<byte>? t_second;

    private Scratch(ArrayBufferWriter<byte> writer) => Writer = writer;

    public ArrayBufferWriter<byte> Writer { get; }

    public ReadOnlySpan<byte> Written => Writer.WrittenSpan;

    public static Scratch Rent()
    {
        ArrayBufferWriter<byte>? writer = t_first;
        if (writer is not null)
        {
            t_first = null;
        }
        else
        {
            writer = t_second ?? new ArrayBufferWriter<byte>();
            t_second = null;
        }

        return new Scratch(writer);
    }

    /// <summary>A buffer with a value's bytes.</summary>
    public static Scratch Of<T>(IPersistentSerializer<T> serializer, T value)
    {
        Scratch scratch = Rent();
        try
        {
            serializer.Write(value, scratch.Writer);
            return scratch;
        }
        catch
        {
            scratch.Dispose();
            throw;
        }
    }

    public void Dispose()
    {
        if (Writer.Capacity > LargestKept)
        {
            return;
        }

        Writer.ResetWrittenCount();
        if (t_first is null)
        {
            t_first = Writer;
        }
        else
        {
            t_second = Writer;
        }
    }
}
