// Carts behind HTTP: objects of a service's own, found by what is in them, and there after SIGKILL.
//
//   dotnet run -c Release --project samples/Carts -- /dev/shm/carts http://127.0.0.1:5080
//   curl -X POST -H 'Content-Type: application/json' -d '{"sku":"tea","count":2,"price":350}' \
//     http://127.0.0.1:5080/carts/ada/items
//   curl http://127.0.0.1:5080/carts/ada
//   curl http://127.0.0.1:5080/carts?from=500
//   curl http://127.0.0.1:5080/idle?seconds=3600
using System.Text.Json.Serialization;
using GuestMemFs;

WebApplicationBuilder builder = WebApplication.CreateSlimBuilder();
builder.Logging.ClearProviders();
builder.WebHost.UseUrls(args.Length > 1 ? args[1] : "http://127.0.0.1:5080");
builder.Services.ConfigureHttpJsonOptions(o => o.SerializerOptions.TypeInfoResolverChain.Insert(0, ShopJson.Default));
builder.Services.AddPersistentArena(o =>
{
    o.Directory = args[0];
    o.HeapSize = 64 << 20;
});
builder.Services.AddSingleton<CartStore>();

WebApplication app = builder.Build();
app.MapGet("/carts/{customer}", (string customer, CartStore carts) => carts.Find(customer) is { } cart
    ? Results.Ok(cart) : Results.NotFound());
app.MapPost("/carts/{customer}/items", (string customer, Item item, CartStore carts) => carts.Add(customer, item));
app.MapDelete("/carts/{customer}", (string customer, CartStore carts) => carts.Remove(customer)
    ? Results.NoContent() : Results.NotFound());
app.MapGet("/carts", (long from, CartStore carts) => carts.From(from));
app.MapGet("/idle", (double seconds, CartStore carts) => carts.Idle(TimeSpan.FromSeconds(seconds)));
app.Lifetime.ApplicationStarted.Register(() => Console.WriteLine(
    $"{app.Services.GetRequiredService<CartStore>().Count} carts at {app.Urls.First()}"));
await app.RunAsync();

/// <summary>The carts, and two ways to find them.</summary>
internal sealed class CartStore
{
    private readonly PersistentTable<string, Cart> _carts;
    private readonly PersistentIndex<string, Cart, long> _byTotal;
    private readonly PersistentIndex<string, Cart, DateTimeOffset> _byChange;

    public CartStore(PersistentHeap heap)
    {
        _carts = heap.OpenOrCreateTable("carts", new PersistentTableOptions<string, Cart>
        {
            ValueSerializer = PersistentSerializers.Json(ShopJson.Default.Cart),
        });
        _byTotal = _carts.Index("total", cart => cart.Total);
        _byChange = _carts.Index("change", cart => cart.Changed);
        while (_carts.BuildIndexes(TimeSpan.FromSeconds(1)))
        {
            // An index that a new version of the service has brought. A large service does this beside its requests.
        }
    }

    public long Count => _carts.Count;

    public Cart? Find(string customer) => _carts.TryGetValue(customer, out Cart? cart) ? cart : null;

    public Cart Add(string customer, Item item) => _carts.AddOrUpdate(
        customer, new Cart([item], DateTimeOffset.UtcNow),
        (_, cart) => new Cart([.. cart.Items, item], DateTimeOffset.UtcNow));

    public bool Remove(string customer) => _carts.Remove(customer);

    public string[] From(long total) => [.. _byTotal.Range(total, long.MaxValue).Select(it => it.Key)];

    public string[] Idle(TimeSpan time) =>
        [.. _byChange.Range(DateTimeOffset.MinValue, DateTimeOffset.UtcNow - time).Select(it => it.Key)];
}

internal sealed record Item(string Sku, int Count, long Price);

internal sealed record Cart(Item[] Items, DateTimeOffset Changed)
{
    public long Total => Items.Sum(it => it.Count * it.Price);
}

[JsonSourceGenerationOptions(PropertyNamingPolicy = JsonKnownNamingPolicy.CamelCase)]
[JsonSerializable(typeof(Cart))]
[JsonSerializable(typeof(Item))]
[JsonSerializable(typeof(string[]))]
internal sealed partial class ShopJson : JsonSerializerContext;
