using System.Diagnostics.CodeAnalysis;
using System.Numerics;
using System.Reflection;
using System.Runtime.CompilerServices;

namespace GuestMemFs.Heap;

/// <summary>
/// A number for how a type lies in memory: names, types and sizes of its fields, in order. A process that declares a root's type otherwise gets another one, and is refused
/// instead of reading the fields askew.
/// </summary>
internal static class LayoutHash
{
    public static ulong Of<[DynamicallyAccessedMembers(DynamicallyAccessedMemberTypes.PublicFields | DynamicallyAccessedMemberTypes.NonPublicFields)] T>()
        where T : unmanaged
    {
        uint low = BitOperations.Crc32C(0x4C41_594F, (uint)Unsafe.SizeOf<T>());
        uint high = ~low;
        foreach (FieldInfo field in typeof(T).GetFields(BindingFlags.Instance | BindingFlags.Public | BindingFlags.NonPublic).OrderBy(field => field.MetadataToken))
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
