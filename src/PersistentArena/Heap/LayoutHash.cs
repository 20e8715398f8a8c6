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
/// The number stands in the arena, so it is the same under the JIT and in a native program. It is what tells the types
/// of roots that an older library made. A root that keeps its <see cref="StructShape"/>, where fields stand in the
/// order in which they lie, is told by that one where the number is another.
/// </remarks>
internal static class LayoutHash
{
    public static ulong Of<[DynamicallyAccessedMembers(StructShape.Members)] T>()
        where T : unmanaged
    {
        uint low = BitOperations.Crc32C(0x4C41_594F, (uint)Unsafe.SizeOf<T>());
        uint high = ~low;
        foreach (FieldInfo field in StructShape.DeclaredFields<T>())
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
