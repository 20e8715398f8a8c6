using GuestMemFs.Collections;
using GuestMemFs.Heap;

namespace GuestMemFs.Typed;

/// <summary>
/// A collection on its way from one shape to another. Where it has come to stands in the heap: the shape that is kept
/// with the collection says that it is on its way, and a root with the copy's name that the copy is not in its place.
/// </summary>
internal sealed class MapMigration(
    PersistentHeap heap,
    string name,
    string from,
    string to,
    Func<(byte[] Key, byte[] Value, DateTimeOffset? ExpiresAt), IByteRecords, byte[]?> convert)
{
    private const int MostRemoved = 256;

    private readonly string _copy = name + ".new";
    private readonly string _underWay = $"{from}, on its way to {to}";
    private readonly string _ofCopy = $"what '{name}' is to be: {to}";
    private readonly Queue<byte[]> _converted = []; // some keys of the copy
    private IByteRecords? _target;

    /// <summary>Does all of it, or what is left to do; false where there is nothing.</summary>
    public bool Run<TRecords>(Func<string, TRecords> open, Action<TRecords> walk)
        where TRecords : class, IByteRecords
    {
        bool done = heap.AloneOutsideGroups(() =>
        {
            if (!heap.HasRoot(name) || ShapeCatalog.Find(heap, name) == to)
            {
                return false;
            }

            try
            {
                Copy(open, walk);
            }
            catch
            {
                TryTakeBack();
                throw;
            }

            ShapeCatalog.Set(heap, name, to); // killed before, the next call comes here at once
            ShapeCatalog.Forget(heap, _copy);
            return true;
        });
        if (done)
        {
            DroppedRoots.Of(heap).FreeAll();
        }

        return done;
    }

    /// <summary>Puts a record into the copy that it does not have.</summary>
    public void Convert((byte[] Key, byte[] Value, DateTimeOffset? ExpiresAt) record)
    {
        if (convert(record, _target!) is { } key && _converted.Count < MostRemoved)
        {
            _converted.Enqueue(key);
        }
    }

    private void Copy<TRecords>(Func<string, TRecords> open, Action<TRecords> walk)
        where TRecords : class, IByteRecords
    {
        string? found = ShapeCatalog.Find(heap, name);
        if (found == from)
        {
            Begin(open);
        }
        else if (found != _underWay)
        {
            throw new PersistentShapeException(name, found, to);
        }
        else if (!heap.HasRoot(_copy))
        {
            return; // it is in its place
        }

        _target = open(_copy);
        walk(open(name));
        DroppedRoots.Of(heap).Swap(name, _copy);
    }

    private void Begin(Func<string, IByteRecords> open)
    {
        if (heap.HasRoot(_copy))
        {
            if (ShapeCatalog.Find(heap, _copy) != _ofCopy)
            {
                throw new RootInUseException(
                    heap.Space.Name, _copy, $"it is there, and the converted '{name}' needs its name.");
            }

            Drop(open); // of a call that was killed before it began
        }

        ShapeCatalog.Set(heap, _copy, _ofCopy);
        open(_copy);
        ShapeCatalog.Set(heap, name, _underWay);
    }

    private void Drop(Func<string, IByteRecords> open)
    {
        open(_copy);
        DroppedRoots.Of(heap).Drop(heap.RootWordOf(_copy));
    }

    // For the shape: what the copy has is to go anyhow, and is converted again where this is killed.
    private void MakeRoom()
    {
        for (int i = _converted.Count; i > 0; i--)
        {
            _target!.Remove(_converted.Dequeue());
        }
    }

    // The shape first: one on its way without a copy counts as converted. Where there is no room even for that, the
    // next call continues.
    private void TryTakeBack()
    {
        try
        {
            if (ShapeCatalog.Find(heap, name) == _underWay && heap.HasRoot(_copy))
            {
                MakeRoom();
                ShapeCatalog.Set(heap, name, from);
                DroppedRoots.Of(heap).Drop(heap.RootWordOf(_copy));
                ShapeCatalog.Forget(heap, _copy);
            }
        }
        catch (ArenaOutOfSpaceException)
        {
            // What the caller is told of.
        }
    }
}
