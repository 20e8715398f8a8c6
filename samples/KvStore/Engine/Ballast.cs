using System.Runtime.InteropServices;
using GuestMemFs;

namespace KvStore.Engine;

/// <summary>
/// Memory of the store that is thrown out when it is full, so that what frees memory, or needs little, still finds
/// room: LPOP writes a shorter list beside the old one. As long as it is out, commands that Redis refuses for want of
/// memory are refused; it is taken in again before the next of them runs.
/// </summary>
/// <remarks>
/// One root, whose field leads to the bytes or to nothing: each change is one store, and none is made in a group.
/// Not thread-safe: the engine's gate is held.
/// </remarks>
internal sealed class Ballast(PersistentHeap heap, long length)
{
    private const string Name = "ballast";
    private const int Share = 64;
    private const long Most = 256 << 10;

    /// <summary>
    /// A store that had no room is not searched for it again before so long, or before less is in it.
    /// </summary>
    private const long RetryMilliseconds = 250;

    private readonly int _bytes = (int)Math.Min(length / Share, Most);
    private PersistentRoot<Hold>? _root;
    private long _refusedAt;
    private long _refusedWith = long.MaxValue;

    /// <summary>True where it is known to be in.</summary>
    public bool IsIn { get; private set; }

    /// <summary>Takes it in where it is out; false where there is no room for it.</summary>
    /// <param name="used">Bytes that the store's records take.</param>
    public bool TryTakeIn(long used)
    {
        if (!IsIn && (used < _refusedWith || Environment.TickCount64 - _refusedAt >= RetryMilliseconds))
        {
            try
            {
                Fill();
            }
            catch (ArenaOutOfSpaceException)
            {
                (_refusedAt, _refusedWith) = (Environment.TickCount64, used);
            }
        }

        return IsIn;
    }

    /// <summary>Throws it out; false where it is out already.</summary>
    public bool TryThrowOut()
    {
        if (!IsIn && (_root is not null || !heap.Roots.Contains(Name)))
        {
            return false;
        }

        PersistentRoot<Hold> root = Open();
        bool there = !root.Value.Bytes.IsNone;
        heap.Free(in root.Value.Bytes);
        IsIn = false;
        _refusedWith = long.MaxValue;
        return there;
    }

    private void Fill()
    {
        PersistentRoot<Hold> root = Open();
        if (root.Value.Bytes.IsNone)
        {
            heap.PutBytes(in root.Value.Bytes, new byte[_bytes]);
        }

        IsIn = true;
        _refusedWith = long.MaxValue;
    }

    private PersistentRoot<Hold> Open() => _root ??= heap.OpenOrCreateRoot<Hold>(Name);

    [StructLayout(LayoutKind.Sequential)]
    private struct Hold
    {
        public Offset<byte> Bytes;
    }
}
