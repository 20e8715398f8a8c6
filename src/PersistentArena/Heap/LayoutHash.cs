using System.Diagnostics.CodeAnalysis;
using System.Numerics;
using System.Reflection;
using System.Runtime.CompilerServices;

namespace GuestMemFs.Heap;

/// <summary>
/// A number for how a type lies in memory: names and types of its fields in the order in which they are declared, and
/// the size of it all. A process that declares a root's type otherwise gets another one, and is refused instead of
/// reading the fields askew.
/// </summary>
/// <remarks>
/// The number stands in the arena, so it is the same under the JIT and in a native program. Under the JIT the order is
/// that of the metadata tokens. A native program has none; its reflection lists the fields in the order of its own
/// metadata, which is the declared one. Were that to change, the root would be refused, never misread.
/// </remarks>
internal static class LayoutHash
{
    public static ulong Of<[DynamicallyAccessedMembers(DynamicallyAccessedMemberTypes.PublicFields
        | DynamicallyAccessedMemberTypes.NonPublicFields)] T>()
        where T : unmanaged
    {
        uint low = BitOperations.Crc32C(0x4C41_594F, (uint)Unsafe.SizeOf<T>());
        uint high = ~low;
        FieldInfo[] fields = typeof(T).GetFields(BindingFlags.Instance | BindingFlags.Public | BindingFlags.NonPublic);
        foreach (FieldInfo field in fields.OrderBy(field => field.HasMetadataToken() ? field.MetadataToken : 0))
        {
            foreach (char letter in $"{field.Name}:{field.FieldType}")
            {
                low = BitOperations.Crc32C(low, letter);
                high = BitOperations.Crc32C(high, (ushort)~letter);
            }
        }

        return ((ulong)high << 32) | low;
    }
}
