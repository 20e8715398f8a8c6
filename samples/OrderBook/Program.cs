// An order book: who buys and who sells, best price first, and what was traded. An order is one group: the orders that
// it meets, what is left of it and the trades are all there after SIGKILL, or none of it. A look at the book's depth is
// a snapshot: it adds up, whatever is traded meanwhile, and no order waits for it.
//
//   dotnet run -c Release --project samples/OrderBook -- /dev/shm/book
//   buy ada 5 101
//   sell bob 3 100
//   depth
//   trades
using System.Globalization;
using GuestMemFs;

using PersistentArena arena = PersistentArena.OpenOrCreate(new ArenaOptions { Directory = args[0] });
PersistentRegion memory = arena.OpenOrCreateRegion(
    "heap", 64 << 20, new RegionOptions { Kind = RegionKind.Heap, Reserve = RegionReserve.OnDemand });
PersistentHeap heap = PersistentHeap.Open(memory);
Book book = Book.Open(heap);

Console.WriteLine($"{book.Buyers.Count} buy, {book.Sellers.Count} sell, {book.Trades.Count} trades");
while (Console.ReadLine() is { Length: > 0 } line)
{
    Console.WriteLine(line.Split(' ') switch
    {
        ["buy", var who, var count, var price] => Trade(who, Number(count), Number(price), buys: true),
        ["sell", var who, var count, var price] => Trade(who, Number(count), Number(price), buys: false),
        ["depth"] => Depth(),
        ["trades"] => string.Join(", ", book.Trades.Select(trade => trade.Value)),
        _ => "buy NAME COUNT PRICE, sell NAME COUNT PRICE, depth, trades",
    });
}

// A price is kept so that the best one comes first: a buyer's highest, a seller's lowest.
string Trade(string who, long count, long price, bool buys)
{
    using AtomicGroup order = heap.BeginAtomic();
    (var own, var others) = buys ? (book.Buyers, book.Sellers) : (book.Sellers, book.Buyers);
    long left = count;
    while (left > 0 && others.TryGetFirst(out var best) && Meets(best.Key.Price))
    {
        long traded = Math.Min(left, best.Value.Count);
        left -= traded;
        if (traded == best.Value.Count)
        {
            others.Remove(best.Key);
        }
        else
        {
            others.Set(best.Key, (best.Value.Who, best.Value.Count - traded));
        }

        book.Trades.Append(buys
            ? $"{who} from {best.Value.Who} {traded} at {Math.Abs(best.Key.Price)}"
            : $"{best.Value.Who} from {who} {traded} at {Math.Abs(best.Key.Price)}");
    }

    if (left > 0)
    {
        book.Number.Set(book.Number.Value + 1);
        own.Set((buys ? -price : price, book.Number.Value), (who, left));
    }

    order.Commit();
    return $"{count - left} traded, {left} left";

    bool Meets(long other) => buys ? other <= price : -other >= price;
}

string Depth()
{
    using PersistentSnapshot snapshot = heap.TakeSnapshot();
    Book then = Book.Open(snapshot.Heap);
    return $"{then.Buyers.Sum(it => it.Value.Count)} wanted {Levels(then.Buyers)}, "
        + $"{then.Sellers.Sum(it => it.Value.Count)} offered {Levels(then.Sellers)}";
}

static string Levels(PersistentSortedMap<(long Price, long Number), (string Who, long Count)> side) =>
    "[" + string.Join(' ', side.GroupBy(it => Math.Abs(it.Key.Price)).Take(5)
        .Select(level => $"{level.Sum(it => it.Value.Count)}@{level.Key}")) + "]";

static long Number(string text) => long.Parse(text, NumberStyles.None, CultureInfo.InvariantCulture);

/// <summary>The collections, in the heap or in a snapshot of it.</summary>
internal sealed record Book(
    PersistentSortedMap<(long Price, long Number), (string Who, long Count)> Buyers,
    PersistentSortedMap<(long Price, long Number), (string Who, long Count)> Sellers,
    PersistentLog<string> Trades,
    PersistentRoot<long> Number)
{
    public static Book Open(PersistentHeap heap)
    {
        var options = new PersistentMapOptions<(long Price, long Number), (string Who, long Count)>
        {
            KeySerializer = PersistentSerializers.Pair(
                PersistentSerializers.Default<long>(), PersistentSerializers.Default<long>()),
            ValueSerializer = PersistentSerializers.Pair(
                PersistentSerializers.Default<string>(), PersistentSerializers.Default<long>()),
        };
        return new Book(
            heap.OpenOrCreateSortedMap("buyers", options), heap.OpenOrCreateSortedMap("sellers", options),
            heap.OpenOrCreateLog<string>("trades"), heap.OpenOrCreateRoot<long>("number"));
    }
}
