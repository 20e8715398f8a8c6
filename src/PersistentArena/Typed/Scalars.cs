namespace GuestMemFs.Typed;

/// <summary>The types that need no choice of a serializer.</summary>
internal static class Scalars
{
    private static readonly IPersistentSerializer<long> s_int64 = new IntegerSerializer<long>();
    private static readonly IPersistentSerializer<uint> s_uint32 = new IntegerSerializer<uint>();
    private static readonly IPersistentSerializer<ulong> s_uint64 = new IntegerSerializer<ulong>();

    private static readonly Dictionary<Type, object> s_all = new()
    {
        [typeof(byte)] = new IntegerSerializer<byte>(),
        [typeof(sbyte)] = new IntegerSerializer<sbyte>(),
        [typeof(short)] = new IntegerSerializer<short>(),
        [typeof(ushort)] = new IntegerSerializer<ushort>(),
        [typeof(int)] = new IntegerSerializer<int>(),
        [typeof(uint)] = s_uint32,
        [typeof(long)] = s_int64,
        [typeof(ulong)] = s_uint64,
        [typeof(Int128)] = new IntegerSerializer<Int128>(),
        [typeof(UInt128)] = new IntegerSerializer<UInt128>(),
        [typeof(char)] = new IntegerSerializer<char>(),
        [typeof(bool)] = new ConvertedSerializer<bool, byte>(
            "bool", new IntegerSerializer<byte>(), value => value ? (byte)1 : (byte)0, stored => stored != 0),
        [typeof(float)] = new ConvertedSerializer<float, uint>(
            "float32", s_uint32, Ordered, value => BitConverter.UInt32BitsToSingle(Plain(value))),
        [typeof(double)] = new ConvertedSerializer<double, ulong>(
            "float64", s_uint64, Ordered, value => BitConverter.UInt64BitsToDouble(Plain(value))),
        [typeof(TimeSpan)] = new ConvertedSerializer<TimeSpan, long>(
            "timespan", s_int64, value => value.Ticks, TimeSpan.FromTicks),
        [typeof(DateOnly)] = new ConvertedSerializer<DateOnly, uint>(
            "date", s_uint32, value => (uint)value.DayNumber, value => DateOnly.FromDayNumber((int)value)),
        [typeof(DateTimeOffset)] = new TimeSerializer(),
        [typeof(Guid)] = new GuidSerializer(),
        [typeof(string)] = new TextSerializer(),
        [typeof(byte[])] = new BytesSerializer(),
    };

    public static object? Of(Type type) => s_all.GetValueOrDefault(type);

    // IEEE 754: as unsigned numbers, positive ones are in order, and negative ones before them, in the opposite order
    // until all their bits are turned round.
    private static uint Ordered(float value)
    {
        uint bits = BitConverter.SingleToUInt32Bits(value);
        return (bits >> 31) != 0 ? ~bits : bits | (1u << 31);
    }

    private static ulong Ordered(double value)
    {
        ulong bits = BitConverter.DoubleToUInt64Bits(value);
        return (bits >> 63) != 0 ? ~bits : bits | (1UL << 63);
    }

    private static uint Plain(uint ordered) => (ordered >> 31) != 0 ? ordered & ~(1u << 31) : ~ordered;

    private static ulong Plain(ulong ordered) => (ordered >> 63) != 0 ? ordered & ~(1UL << 63) : ~ordered;
}
