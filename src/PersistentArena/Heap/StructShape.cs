using System.Diagnostics.CodeAnalysis;
using System.Globalization;
using System.Reflection;
using System.Runtime.CompilerServices;
using System.Runtime.InteropServices;

namespace GuestMemFs.Heap;

/// <summary>How a struct lies in memory, in words: its fields with their types and places.</summary>
/// <param name="Type">The struct's name.</param>
/// <param name="Fields">Its fields in the order in which they lie.</param>
/// <param name="Size">Its bytes.</param>
internal sealed record StructShape(string Type, IReadOnlyList<StructField> Fields, int Size)
{
    public const DynamicallyAccessedMemberTypes Members =
        DynamicallyAccessedMemberTypes.PublicFields | DynamicallyAccessedMemberTypes.NonPublicFields;

    private const string Kind = "struct ";

    /// <summary>The shape in words: what is kept with a root.</summary>
    public string Text => string.Create(CultureInfo.InvariantCulture,
        $"{Kind}{Type} {{ {string.Join("; ", Fields)} }} of {Size} bytes");

    public static StructShape Of<[DynamicallyAccessedMembers(Members)] T>()
        where T : unmanaged
    {
        FieldInfo[] fields = DeclaredFields<T>();
        int[] places = Places<T>(fields);
        StructField[] all = [.. fields
            .Select((field, i) => new StructField(field.Name, $"{field.FieldType}", places[i]))
            .OrderBy(field => field.Offset).ThenBy(field => field.Name, StringComparer.Ordinal)];
        return new StructShape($"{typeof(T)}", all, Unsafe.SizeOf<T>());
    }

    /// <summary>
    /// The fields in the order in which they are declared: by their tokens where there are any, else as reflection
    /// lists them, which in a native program is the same.
    /// </summary>
    public static FieldInfo[] DeclaredFields<[DynamicallyAccessedMembers(Members)] T>() =>
        [.. typeof(T).GetFields(BindingFlags.Instance | BindingFlags.Public | BindingFlags.NonPublic)
            .OrderBy(field => field.HasMetadataToken() ? field.MetadataToken : 0)];

    /// <summary>
    /// The shape that was written as <see cref="Text"/>, or as a typed collection's; null for others.
    /// </summary>
    public static StructShape? Parse(string text)
    {
        int open = text.IndexOf(" { ", StringComparison.Ordinal);
        int close = text.LastIndexOf(" } of ", StringComparison.Ordinal);
        int kind = text.IndexOf(' ', StringComparison.Ordinal);
        if (kind < 0 || open <= kind || close < open + 2 || !text.EndsWith(" bytes", StringComparison.Ordinal)
            || !int.TryParse(text[(close + 6)..^6], NumberStyles.None, CultureInfo.InvariantCulture, out int size))
        {
            return null;
        }

        string fields = close > open + 3 ? text[(open + 3)..close] : "";
        return new StructShape(text[(kind + 1)..open],
            [.. fields.Split("; ", StringSplitOptions.RemoveEmptyEntries).Select(StructField.Parse)], size);
    }

    /// <summary>How another shape differs from this one, a sentence each.</summary>
    public IReadOnlyList<string> DifferencesTo(StructShape other)
    {
        List<string> differences = [];
        foreach (StructField field in Fields)
        {
            StructField? there = other.Fields.FirstOrDefault(it => it.Name == field.Name);
            if (there is null)
            {
                differences.Add($"{field} is gone");
            }
            else if (there != field)
            {
                differences.Add($"{field} is {there}");
            }
        }

        differences.AddRange(other.Fields.Where(field => Fields.All(it => it.Name != field.Name))
            .Select(field => $"{field} is new"));
        if (Size != other.Size)
        {
            differences.Add(string.Create(CultureInfo.InvariantCulture, $"{Size} bytes are {other.Size}"));
        }

        return differences;
    }

    // Each field is read out of bytes that say where they are: its first one tells its place, in three turns of eight
    // bits. A pointer does not come out as its bytes; one that makes no sense is of no known place.
    private static int[] Places<T>(FieldInfo[] fields)
        where T : unmanaged
    {
        int[] places = new int[fields.Length];
        byte[] bytes = new byte[Unsafe.SizeOf<T>()];
        for (int shift = 0; shift < 24; shift += 8)
        {
            for (int i = 0; i < bytes.Length; i++)
            {
                bytes[i] = (byte)(i >> shift);
            }

            object value = MemoryMarshal.Read<T>(bytes);
            for (int i = 0; i < fields.Length; i++)
            {
                places[i] |= FirstByte(fields[i].GetValue(value)!) << shift;
            }
        }

        return Array.Exists(places, place => place >= bytes.Length) ? new int[fields.Length] : places;
    }

    private static byte FirstByte(object boxed)
    {
        if (boxed is Pointer)
        {
            return byte.MaxValue;
        }

        var pinned = GCHandle.Alloc(boxed, GCHandleType.Pinned);
        try
        {
            return Marshal.ReadByte(pinned.AddrOfPinnedObject());
        }
        finally
        {
            pinned.Free();
        }
    }
}

/// <summary>A field of a struct.</summary>
/// <param name="Name">Its name.</param>
/// <param name="Type">Its type, as .NET names it.</param>
/// <param name="Offset">The bytes before it; -1 where they are not known.</param>
internal sealed record StructField(string Name, string Type, int Offset)
{
    /// <summary>The field that was written as <see cref="ToString"/>, or without its place.</summary>
    public static StructField Parse(string text)
    {
        int at = text.LastIndexOf(" @", StringComparison.Ordinal);
        int offset = -1;
        string field = at > 0
            && int.TryParse(text[(at + 2)..], NumberStyles.None, CultureInfo.InvariantCulture, out offset)
            ? text[..at] : text;
        int name = field.LastIndexOf(' ');
        return new StructField(field[(name + 1)..], field[..Math.Max(name, 0)], at > 0 ? offset : -1);
    }

    public override string ToString() => Offset < 0 ? $"{Type} {Name}"
        : string.Create(CultureInfo.InvariantCulture, $"{Type} {Name} @{Offset}");
}
