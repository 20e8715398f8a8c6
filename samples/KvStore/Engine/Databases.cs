using System.Diagnostics;
using GuestMemFs;

namespace KvStore.Engine;

/// <summary>
/// The databases of a store. Each lies at a place of the heap; one word of the heap says which place each number is
/// at, so that SWAPDB is one store.
/// </summary>
/// <remarks>The first is always there. Another one is made when it is first selected; a store of one dictionary is
/// database 0. Used under the engine's gate.</remarks>
internal sealed class Databases
{
    /// <summary>With sixteen the order of all is one word.</summary>
    public const int Most = 16;

    private const string OrderName = "databases";
    private const int BitsOfPlace = 4;
    private const ulong InOrder = 0xFEDC_BA98_7654_3210;

    private readonly PersistentHeap _heap;
    private readonly TimeProvider _clock;
    private readonly Database?[] _places = new Database?[Most];
    private ulong _order = InOrder;

    /// <param name="heap">The store's heap, or one of its snapshots.</param>
    /// <param name="checksums">True where values carry checksums, should a database be new.</param>
    /// <param name="clock">By which keys expire.</param>
    public Databases(PersistentHeap heap, bool checksums, TimeProvider clock)
    {
        _heap = heap;
        _clock = clock;
        _places[0] = new Database(heap, 0, checksums, clock);
        for (int place = 1; place < Most; place++)
        {
            _places[place] = Database.IsMade(heap, place) ? new Database(heap, place, checksums, clock) : null;
        }

        if (heap.Roots.Contains(OrderName))
        {
            ReadOrder();
        }

        Number();
        Selected = Find(0)!;
    }

    /// <summary>The one that the running command works on.</summary>
    public Database Selected { get; private set; }

    /// <summary>True where each has the place of large collections from the start: every change is one of a
    /// group.</summary>
    public bool KeepsNested { get; set; }

    /// <summary>Those that are there, by their places.</summary>
    public IEnumerable<Database> Made => _places.OfType<Database>();

    /// <summary>Keys of all.</summary>
    public long KeyCount => Made.Sum(database => database.Keys.Count);

    /// <summary>Bytes that records take.</summary>
    public long RecordBytes
    {
        get
        {
            long bytes = 0;
            foreach (Database? database in _places)
            {
                bytes += database?.RecordBytes ?? 0;
            }

            return bytes;
        }
    }

    /// <summary>The one of a number; null where it was not made yet.</summary>
    public Database? Find(int number) => _places[PlaceOf(number)];

    /// <summary>The one of a number, made where it is not there; not inside a group then.</summary>
    /// <exception cref="ArenaOutOfSpaceException">There is no room for it.</exception>
    public Database Make(int number)
    {
        int place = PlaceOf(number);
        _places[place] ??= new Database(_heap, place, _places[0]!.Keys.HasChecksums, _clock) { Number = number };
        if (KeepsNested)
        {
            _places[place]!.OpenNested();
        }

        return _places[place]!;
    }

    /// <summary>Has commands work on the one of a number, which has to be there.</summary>
    public void Select(int number)
    {
        if (Selected.Number != number)
        {
            Selected = Find(number)!;
        }
    }

    /// <summary>
    /// Exchanges two that are there: what one number named, the other one names. One store makes it true.
    /// </summary>
    public void Swap(int first, int second)
    {
        ulong change = (ulong)(PlaceOf(first) ^ PlaceOf(second));
        ulong order = _order ^ (change << (first * BitsOfPlace)) ^ (change << (second * BitsOfPlace));
        OpenOrder().Set(new Order { Places = order });
        _order = order;
        Number();
    }

    /// <summary>Makes the places of large collections of all that are there.</summary>
    public void OpenNested()
    {
        foreach (Database database in Made)
        {
            database.OpenNested();
        }
    }

    /// <summary>True where the place of the order is there: none can be made inside a group.</summary>
    public bool MaySwapInGroup { get; private set; }

    /// <summary>Makes the place of the order.</summary>
    public void PrepareSwap() => OpenOrder();

    /// <summary>Reads the order again: a group that changed it was taken back.</summary>
    public void Reread()
    {
        if (_order != InOrder)
        {
            ReadOrder();
            Number();
        }
    }

    private PersistentRoot<Order> OpenOrder()
    {
        PersistentRoot<Order> root = _heap.OpenOrCreateRoot(OrderName, new Order { Places = InOrder });
        MaySwapInGroup = true;
        return root;
    }

    private int PlaceOf(int number) => (int)(_order >> (number * BitsOfPlace)) & (Most - 1);

    private void ReadOrder()
    {
        _order = OpenOrder().Value.Places;
        int seen = 0;
        for (int number = 0; number < Most; number++)
        {
            seen |= 1 << PlaceOf(number);
        }

        if (seen != (1 << Most) - 1)
        {
            throw new StoreException($"The order of databases is {_order:X16}, which names a place twice. "
                + "Nothing was changed. Restore the arena from a copy, or start with an empty one.");
        }
    }

    private void Number()
    {
        for (int number = 0; number < Most; number++)
        {
            if (Find(number) is { } database)
            {
                database.Number = number;
            }
        }

        Debug.Assert(Find(0) is not null, "A number changes its place for another one that is there.");
    }

    /// <summary>At which place each number is: four bits for each.</summary>
    private struct Order
    {
        public ulong Places;
    }
}
