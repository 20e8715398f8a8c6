using System.Buffers;
using System.Text.Json.Serialization;

namespace GuestMemFs.Tests.Typed;

public sealed partial class SerializerTests
{
    private static readonly Random s_random = new(20261128);

    public static TheoryData<string> Types =>
    [
        "byte", "sbyte", "short", "ushort", "int", "uint", "long", "ulong", "Int128", "UInt128", "char", "float",
        "double", "TimeSpan", "DateOnly", "DateTimeOffset", "Guid", "string", "pair",
    ];

    [Theory, MemberData(nameof(Types))]
    public void What_is_written_is_read_and_the_bytes_are_in_the_order_of_the_values(string type)
    {
        switch (type)
        {
            case "byte": Holds<byte>(byte.MinValue, byte.MaxValue, Bits<byte>); break;
            case "sbyte": Holds<sbyte>(sbyte.MinValue, sbyte.MaxValue, Bits<sbyte>); break;
            case "short": Holds<short>(short.MinValue, short.MaxValue, Bits<short>); break;
            case "ushort": Holds<ushort>(ushort.MinValue, ushort.MaxValue, Bits<ushort>); break;
            case "int": Holds<int>(int.MinValue, int.MaxValue, Bits<int>); break;
            case "uint": Holds<uint>(uint.MinValue, uint.MaxValue, Bits<uint>); break;
            case "long": Holds<long>(long.MinValue, long.MaxValue, Bits<long>); break;
            case "ulong": Holds<ulong>(ulong.MinValue, ulong.MaxValue, Bits<ulong>); break;
            case "Int128": Holds<Int128>(Int128.MinValue, Int128.MaxValue, Bits<Int128>); break;
            case "UInt128": Holds<UInt128>(UInt128.MinValue, UInt128.MaxValue, Bits<UInt128>); break;
            case "char": Holds<char>(char.MinValue, char.MaxValue, Bits<char>); break;
            case "float": Holds(float.NegativeInfinity, float.PositiveInfinity, Number); break;
            case "double": Holds(double.NegativeInfinity, double.PositiveInfinity, () => (double)Number()); break;
            case "TimeSpan": Holds(TimeSpan.MinValue, TimeSpan.MaxValue, () => new TimeSpan(Bits<long>())); break;
            case "DateOnly": Holds(DateOnly.MinValue, DateOnly.MaxValue, Day); break;
            case "DateTimeOffset": Holds(DateTimeOffset.MinValue, DateTimeOffset.MaxValue, Instant); break;
            case "Guid": Holds(Guid.Empty, Guid.AllBitsSet, Bits<Guid>); break;
            case "string": Holds("", "\U0010FFFF", Text, StringComparer.Ordinal); break;
            default: PairsHold(); break;
        }
    }

    [Fact]
    public void A_time_keeps_its_offset()
    {
        var time = new DateTimeOffset(2026, 11, 28, 1, 2, 3, TimeSpan.FromHours(-9.5));
        Assert.Equal(time.ToString("O"), There(PersistentSerializers.Default<DateTimeOffset>(), time).ToString("O"));
    }

    [Fact]
    public void Negative_zero_and_no_number_come_back_as_they_were()
    {
        IPersistentSerializer<double> serializer = PersistentSerializers.Default<double>();
        foreach (double value in (double[])[-0.0, double.NaN, double.Epsilon, -double.Epsilon])
        {
            ulong there = BitConverter.DoubleToUInt64Bits(There(serializer, value));
            Assert.Equal(BitConverter.DoubleToUInt64Bits(value), there);
        }
    }

    [Fact]
    public void A_bool_and_bytes_come_back()
    {
        Assert.True(There(PersistentSerializers.Default<bool>(), true));
        Assert.False(There(PersistentSerializers.Default<bool>(), false));
        Assert.Equal([1, 0, 2], There(PersistentSerializers.Default<byte[]>(), [1, 0, 2]));
    }

    [Fact]
    public void Half_a_surrogate_pair_is_refused_because_it_would_come_back_as_something_else() =>
        Assert.ThrowsAny<ArgumentException>(() => BytesOf(PersistentSerializers.Text, "a\uD800b"));

    [Fact]
    public void A_struct_comes_back_and_its_shape_names_its_fields()
    {
        IPersistentSerializer<Point> serializer = PersistentSerializers.Raw<Point>();
        Assert.Equal(new Point { X = -1, Y = 7.5 }, There(serializer, new Point { X = -1, Y = 7.5 }));
        Assert.Equal($"raw {typeof(Point)} {{ System.Int32 X; System.Double Y }} of 16 bytes", serializer.Shape);
    }

    [Fact]
    public void An_object_comes_back_by_its_json_context()
    {
        IPersistentSerializer<Cart> serializer = PersistentSerializers.Json(Contexts.Default.Cart, version: 3);
        Cart cart = There(serializer, new Cart("ada", [1, 2]));
        Assert.Equal(("ada", 2), (cart.Owner, cart.Items.Length));
        Assert.Equal($"json {typeof(Cart)} version 3", serializer.Shape);
    }

    [Fact]
    public void A_type_without_a_serializer_that_goes_without_saying_is_refused_with_the_ways_out()
    {
        var refused = Assert.Throws<NotSupportedException>(PersistentSerializers.Default<Cart>);
        Assert.Contains(typeof(Cart).ToString(), refused.Message, StringComparison.Ordinal);
        Assert.Contains("PersistentSerializers.Json", refused.Message, StringComparison.Ordinal);
    }

    [Fact]
    public void Bytes_of_another_length_are_refused()
    {
        Assert.Throws<FormatException>(() => PersistentSerializers.Default<int>().Read([1, 2, 3]));
        Assert.Throws<FormatException>(() => PersistentSerializers.Default<Guid>().Read([1]));
        Assert.Throws<FormatException>(() => PersistentSerializers.Default<DateTimeOffset>().Read([]));
        Assert.Throws<FormatException>(() => PersistentSerializers.Raw<Point>().Read(new byte[15]));
        IPersistentSerializer<(string, string)> pair =
            PersistentSerializers.Pair(PersistentSerializers.Text, PersistentSerializers.Text);
        Assert.Throws<FormatException>(() => pair.Read("a"u8));
        Assert.Throws<FormatException>(() => pair.Read([97, 0]));
        Assert.Throws<FormatException>(() => pair.Read([97, 0, 7, 98]));
    }

    private static void PairsHold()
    {
        IPersistentSerializer<(string, (byte[], int))> serializer = PersistentSerializers.Pair(
            PersistentSerializers.Text,
            PersistentSerializers.Pair(PersistentSerializers.Bytes, PersistentSerializers.Default<int>()));
        List<(string First, (byte[] Bytes, int Number) Second)> values = [];
        for (int i = 0; i < 400; i++)
        {
            byte[] bytes = new byte[s_random.Next(4)];
            foreach (ref byte one in bytes.AsSpan())
            {
                one = (byte)(s_random.Next(3) switch { 0 => 0, 1 => 1, _ => 255 });
            }

            string text = new string('\0', s_random.Next(3)) + (char)('a' + s_random.Next(2));
            values.Add((text, (bytes, s_random.Next(-2, 3))));
        }

        foreach ((string first, (byte[] bytes, int number)) in values)
        {
            (string First, (byte[] Bytes, int Number) Second) there = There(serializer, (first, (bytes, number)));
            Assert.Equal(first, there.First);
            Assert.Equal(bytes, there.Second.Bytes);
            Assert.Equal(number, there.Second.Number);
        }

        SameOrder(serializer, values, Comparer<(string First, (byte[] Bytes, int Number) Second)>.Create(
            (a, b) => string.CompareOrdinal(a.First, b.First) is not 0 and var first ? first
                : a.Second.Bytes.AsSpan().SequenceCompareTo(b.Second.Bytes) is not 0 and var second ? second
                : a.Second.Number.CompareTo(b.Second.Number)));
    }

    private static void Holds<T>(T least, T most, Func<T> next, IComparer<T>? order = null)
    {
        IPersistentSerializer<T> serializer = PersistentSerializers.Default<T>();
        List<T> values = [least, most];
        for (int i = 0; i < 500; i++)
        {
            values.Add(next());
        }

        foreach (T value in values)
        {
            Assert.Equal(value, There(serializer, value));
        }

        SameOrder(serializer, values, order ?? Comparer<T>.Default);
    }

    private static void SameOrder<T>(IPersistentSerializer<T> serializer, List<T> values, IComparer<T> order)
    {
        for (int i = 1; i < values.Count; i++)
        {
            int expected = Math.Sign(order.Compare(values[i - 1], values[i]));
            byte[] before = BytesOf(serializer, values[i - 1]);
            Assert.Equal(expected, Math.Sign(before.AsSpan().SequenceCompareTo(BytesOf(serializer, values[i]))));
        }
    }

    private static T There<T>(IPersistentSerializer<T> serializer, T value) =>
        serializer.Read(BytesOf(serializer, value));

    private static byte[] BytesOf<T>(IPersistentSerializer<T> serializer, T value)
    {
        var writer = new ArrayBufferWriter<byte>();
        serializer.Write(value, writer);
        return writer.WrittenSpan.ToArray();
    }

    private static T Bits<T>()
        where T : unmanaged
    {
        T value = default;
        s_random.NextBytes(System.Runtime.InteropServices.MemoryMarshal.AsBytes(new Span<T>(ref value)));
        return value;
    }

    private static float Number() => Bits<float>() is var bits && (float.IsNaN(bits) || bits == 0) ? 1.5f : bits;

    private static DateOnly Day() => DateOnly.FromDayNumber(s_random.Next(DateOnly.MaxValue.DayNumber));

    private static DateTimeOffset Instant() => new(s_random.NextInt64(DateTime.MaxValue.Ticks), TimeSpan.Zero);

    private static string Text() =>
        new([.. Enumerable.Range(0, s_random.Next(6)).Select(_ => "\0aäz\u07FF\uD7FF"[s_random.Next(6)])]);

    private struct Point
    {
        public int X;
        public double Y;
    }

    internal sealed record Cart(string Owner, int[] Items);

    [JsonSerializable(typeof(Cart))]
    internal sealed partial class Contexts : JsonSerializerContext;
}
