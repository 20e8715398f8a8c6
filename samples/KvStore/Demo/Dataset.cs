using System.Buffers.Binary;
using System.Buffers.Text;

namespace KvStore.Demo;

/// <summary>
/// Keys and values that follow from a seed, so that every one of them can be checked without being remembered.
/// </summary>
internal sealed class Dataset(long keys, int valueLength, ulong seed)
{
    public const int KeyLength = 16;

    public long Keys => keys;

    public int ValueLength => valueLength;

    /// <summary>Writes the key of an index: <c>key:</c> and twelve digits.</summary>
    public static void Key(long index, Span<byte> key)
    {
        "key:"u8.CopyTo(key);
        Utf8Formatter.TryFormat(index, key[4..KeyLength], out _, new System.Buffers.StandardFormat('D', KeyLength - 4));
    }

    /// <summary>Writes the value of a key in a version: printable noise that no compression shortens much.</summary>
    public void Value(long index, long version, Span<byte> value)
    {
        ulong state = Mix(seed ^ ((ulong)index * 0x9E3779B97F4A7C15) ^ ((ulong)version << 40));
        Span<byte> last = stackalloc byte[sizeof(ulong)];
        while (value.Length > 0)
        {
            state += 0x9E3779B97F4A7C15;
            ulong printable = (Mix(state) & 0x3F3F3F3F3F3F3F3F) + 0x3030303030303030;
            BinaryPrimitives.WriteUInt64LittleEndian(last, printable);
            int part = Math.Min(value.Length, last.Length);
            last[..part].CopyTo(value);
            value = value[part..];
        }
    }

    // splitmix64's finisher.
    private static ulong Mix(ulong x)
    {
        x = (x ^ (x >> 30)) * 0xBF58476D1CE4E5B9;
        x = (x ^ (x >> 27)) * 0x94D049BB133111EB;
        return x ^ (x >> 31);
    }
}
