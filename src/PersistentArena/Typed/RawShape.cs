using System.Diagnostics.CodeAnalysis;
using System.Globalization;
using System.Reflection;
using System.Runtime.CompilerServices;

namespace GuestMemFs.Typed;

/// <summary>
/// Names the fields of a struct in the order in which they are declared, and its size: what a value of it needs to be
/// read right.
/// </summary>
internal static class RawShape
{
    public const DynamicallyAccessedMemberTypes Fields =
        DynamicallyAccessedMemberTypes.PublicFields | DynamicallyAccessedMemberTypes.NonPublicFields;

    public static string Of<[DynamicallyAccessedMembers(Fields)] T>()
        where T : unmanaged
    {
        IEnumerable<string> fields = typeof(T)
            .GetFields(BindingFlags.Instance | BindingFlags.Public | BindingFlags.NonPublic)
            .OrderBy(field => field.HasMetadataToken() ? field.MetadataToken : 0)
            .Select(field => $"{field.FieldType} {field.Name}");
        string all = string.Join("; ", fields);
        string size = Unsafe.SizeOf<T>().ToString(CultureInfo.InvariantCulture);
        return $"raw {typeof(T)} {{ {all} }} of {size} bytes";
    }
}
