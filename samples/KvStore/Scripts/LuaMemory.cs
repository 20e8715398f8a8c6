using System.Runtime.InteropServices;
using KeraLua;

namespace KvStore.Scripts;

/// <summary>What Lua allocates, counted. Over the limit a script is refused more, which is an error in it.</summary>
/// <remarks>The limit holds while Lua itself runs. In a call of the host it does not: an error there would jump over
/// the host's frames; the script meets it with its next allocation.</remarks>
internal sealed unsafe class LuaMemory
{
    public LuaMemory() => Allocate = Reallocate;

    /// <summary>Kept here for as long as Lua may call it.</summary>
    public LuaAlloc Allocate { get; }

    public long Limit { get; set; } = long.MaxValue;

    public long Used { get; private set; }

    /// <summary>True while an error of Lua's has only Lua's frames above it.</summary>
    public bool MayRefuse { get; set; }

    private nint Reallocate(nint data, nint block, nuint oldSize, nuint newSize)
    {
        // For a new block the old size is a kind of object, and no size.
        long old = block == 0 ? 0 : (long)oldSize;
        if (newSize == 0)
        {
            NativeMemory.Free((void*)block);
            Used -= old;
            return 0;
        }

        long more = (long)newSize - old;
        if (MayRefuse && more > 0 && Used + more > Limit)
        {
            return 0;
        }

        try
        {
            nint moved = (nint)NativeMemory.Realloc((void*)block, newSize);
            Used += more;
            return moved;
        }
        catch (OutOfMemoryException)
        {
            return 0;
        }
    }
}
