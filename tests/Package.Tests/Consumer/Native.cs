// The program that NativeTests publishes as machine code: what a service does with the library, on one arena, over many
// lives. It prints "acknowledged N" for each change that is safe, until it is killed.
using System.Runtime.InteropServices;
using GuestMemFs;
using Microsoft.Extensions.Configuration;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Hosting;
using Microsoft.Extensions.Options;

const long Total = 1000;
HostApplicationBuilder builder = Host.CreateApplicationBuilder(args);
builder.Services.AddPersistentArena(builder.Configuration.GetSection("Arena"));
builder.Services.AddPersistentDictionary("accounts");
using IHost host = builder.Build();
try
{
    await host.StartAsync();
}
catch (OptionsValidationException e)
{
    Console.WriteLine($"refused: {e.Message}");
    return 3;
}

PersistentHeap heap = host.Services.GetRequiredService<PersistentHeap>();
PersistentRoot<State> state = heap.OpenOrCreateRoot("state",
    new State(7) { Kind = Kind.Second, Pair = new() { Left = 1, Right = 2 } });
heap.OpenOrCreateRoot("union", new Union { High = 1 });
heap.OpenOrCreateRoot("mixed", new Mixed { Time = DateTime.UnixEpoch });
heap.OpenOrCreateRoot<long>("number");
try
{
    heap.OpenOrCreateRoot<Turned>("union");
    Console.WriteLine("wrong: another layout was taken");
}
catch (HeapLayoutException)
{
    Console.WriteLine("another layout is refused");
}

State found = state.Value;
if (found.Seven != 7 || found.Kind != Kind.Second || found.Pair.Right != 2)
{
    Console.WriteLine($"wrong: the root is {found.Seven}, {found.Kind}, {found.Pair.Right}");
}

PersistentDictionary accounts = host.Services.GetRequiredService<PersistentDictionary>();
accounts.TryAdd("a"u8, Bytes(Total));
accounts.TryAdd("b"u8, Bytes(0));
Console.WriteLine($"sum {Number("a") + Number("b")}, moved {Number("b")}, starts {found.Starts}");
found.Starts++;
state.Set(found);
heap.PutBytes(state.Value.Text, "text"u8);
for (long moved = Number("b") + 1; ; moved++)
{
    using (AtomicGroup group = accounts.BeginAtomic())
    {
        accounts.Set("a"u8, Bytes(Total - moved));
        accounts.Set("b"u8, Bytes(moved));
        group.Commit();
    }

    Console.WriteLine($"acknowledged {moved}");
    Thread.Sleep(1);
}

byte[] Bytes(long number) => MemoryMarshal.AsBytes<long>([number]).ToArray();

long Number(string key) => MemoryMarshal.Read<long>(accounts.Get(key == "a" ? "a"u8 : "b"u8));

public enum Kind : byte
{
    First,
    Second,
}

public struct Pair<T>
{
    public T Left;
    public T Right;
}

public struct State(int seven)
{
    public long Starts;
    private readonly int _seven = seven;
    public Kind Kind;
    public Pair<short> Pair;
    public Offset<byte> Text;
    public readonly int Seven => _seven;
}

// Fields that are not declared in the order in which they lie, or lie on each other.
[StructLayout(LayoutKind.Explicit)]
public struct Union
{
    [FieldOffset(8)]
    public long High;
    [FieldOffset(0)]
    public int Low;
    [FieldOffset(0)]
    public long All;
}

[StructLayout(LayoutKind.Explicit)]
public struct Turned
{
    [FieldOffset(0)]
    public int Low;
    [FieldOffset(8)]
    public long High;
    [FieldOffset(0)]
    public long All;
}

[StructLayout(LayoutKind.Auto)]
public struct Mixed
{
    public byte First;
    public long Second;
    public short Third;
    public DateTime Time;
}
