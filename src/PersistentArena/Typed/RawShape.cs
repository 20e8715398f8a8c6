using System.Diagnostics.CodeAnalysis;
using System.Globalization;
using System.Runtime.CompilerServices;
using GuestMemFs.Heap;

namespace GuestMemFs.Typed;

/// <summary>
/// Names the fields of a struct in the order in which they are declared, and its size: what a value of it needs to be
/// read right.
/// </summary>
internal static class RawShape
{
    public const DynamicallyAccessedMemberTypes Fields = StructShape.Members;

    public static string Of<[DynamicallyAccessedMembers(Fields)] T>()
        where T : unmanaged
    {
        IEnumerable<string> fields =
            StructShape.DeclaredFields<T>().Select(field => $"{field.FieldType} {field.Name}");
        string all = string.Join("; ", fields);
        string size = Unsafe.SizeOf<T>().ToString(CultureInfo.InvariantCulture);
        return $"raw {typeof(T)} {{ {all} }} of {size} bytes";
    }
}
