using GuestMemFs.Collections;
using GuestMemFs.Heap;

namespace GuestMemFs.Typed;

/// <summary>
/// A collection on its way from one shape to another. Where it has come to stands in the heap: the shape that is kept
/// with the collection says that it is on its way, and a root with the copy's name that the copy is not in its place.
/// </summary>
/// <typeparam name="T">What it is as one of bytes.</typeparam>
/// <param name="heap">The heap.</param>
/// <param name="name">Its name.</param>
/// <param name="from">The shape that it has.</param>
/// <param name="to">The shape that it is to have.</param>
/// <param name="way">How it is opened and copied.</param>
internal sealed class CollectionMigration<T>(
    PersistentHeap heap, string name, string from, string to, IMigrationWay<T> way)
{
    private readonly string _copy = name + ".new";
    private readonly string _underWay = $"{from}, on its way to {to}";
    private readonly string _ofCopy = $"what '{name}' is to be: {to}";
    private T? _target;

    /// <summary>Does all of it, or what is left to do; false where there is nothing.</summary>
    public bool Run()
    {
        bool done = heap.AloneOutsideGroups(() =>
        {
            if (!heap.HasRoot(name) || ShapeCatalog.Find(heap, name) == to)
            {
                return false;
            }

            try
            {
                Copy();
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

    private void Copy()
    {
        string? found = ShapeCatalog.Find(heap, name);
        if (found == from)
        {
            Begin();
        }
        else if (found != _underWay)
        {
            throw new PersistentShapeException(name, found, to);
        }
        else if (!heap.HasRoot(_copy))
        {
            return; // it is in its place
        }

        _target = way.Open(_copy);
        way.Copy(way.Open(name), _target);
        DroppedRoots.Of(heap).Swap(name, _copy);
    }

    private void Begin()
    {
        if (heap.HasRoot(_copy))
        {
            if (ShapeCatalog.Find(heap, _copy) != _ofCopy)
            {
                throw new RootInUseException(
                    heap.Space.Name, _copy, $"it is there, and the converted '{name}' needs its name.");
            }

            Drop(); // of a call that was killed before it began
        }

        ShapeCatalog.Set(heap, _copy, _ofCopy);
        way.Open(_copy);
        ShapeCatalog.Set(heap, name, _underWay);
    }

    private void Drop()
    {
        way.Open(_copy);
        DroppedRoots.Of(heap).Drop(heap.RootWordOf(_copy));
    }

    // The shape first: one on its way without a copy counts as converted. Where there is no room even for that, the
    // next call continues.
    private void TryTakeBack()
    {
        try
        {
            if (ShapeCatalog.Find(heap, name) == _underWay && heap.HasRoot(_copy))
            {
                if (_target is not null)
                {
                    way.MakeRoom(_target); // for the shape
                }

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
