using System.Buffers;

namespace GuestMemFs.Typed;

/// <summary>
/// Two values. The first one's bytes end with 0, 1, and a 0 within them is 0, 255: so a shorter one comes before what
/// it begins, and the order of pairs is that of the first and then of the second. The second one's bytes go to the end.
/// </summary>
internal sealed class PairSerializer<TFirst, TSecond>(
    IPersistentSerializer<TFirst> first, IPersistentSerializer<TSecond> second)
    : IPersistentSerializer<(TFirst First, TSecond Second)>
{
    private const byte End = 1;
    private const byte Zero = 255;

    public string Shape { get; } = $"({first.Shape}, {second.Shape})";

    public bool KeepsOrder => first.KeepsOrder && second.KeepsOrder;

    public void Write((TFirst First, TSecond Second) value, IBufferWriter<byte> output)
    {
        using var scratch = Scratch.Rent();
        first.Write(value.First, scratch.Writer);
        foreach (byte one in scratch.Written)
        {
            Put(output, one);
            if (one == 0)
            {
                Put(output, Zero);
            }
        }

        Put(output, 0);
        Put(output, End);
        second.Write(value.Second, output);
    }

    public (TFirst First, TSecond Second) Read(ReadOnlySpan<byte> bytes)
    {
        using var scratch = Scratch.Rent();
        int at = 0;
        while (true)
        {
            if (at + 1 >= bytes.Length)
            {
                throw Broken(bytes.Length);
            }

            byte one = bytes[at++];
            if (one == 0)
            {
                byte what = bytes[at++];
                if (what == End)
                {
                    return (first.Read(scratch.Written), second.Read(bytes[at..]));
                }

                if (what != Zero)
                {
                    throw Broken(bytes.Length);
                }
            }

            Put(scratch.Writer, one);
        }
    }

    private FormatException Broken(int length) =>
        new($"These {length} bytes are no value of shape {Shape}: its first part does not end. "
            + "Something other than the typed collection wrote it.");

    private static void Put(IBufferWriter<byte> output, byte value)
    {
        output.GetSpan(1)[0] = value;
        output.Advance(1);
    }
}
