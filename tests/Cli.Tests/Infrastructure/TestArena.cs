using System.Globalization;
using GuestMemFs.Cli.Terminal;
using GuestMemFs.Native;

namespace GuestMemFs.Cli.Tests.Infrastructure;

/// <summary>
/// A directory for an arena for the length of a test, on tmpfs where there is one, and the tool pointed at it.
/// </summary>
internal sealed class TestArena : IDisposable
{
    public const long MiB = 1 << 20;

    public TestArena()
    {
        string parent = System.IO.Directory.Exists("/dev/shm") ? "/dev/shm" : Path.GetTempPath();
        Directory = Path.Combine(parent, "gmfs-test-" + Guid.NewGuid().ToString("N", CultureInfo.InvariantCulture));
        System.IO.Directory.CreateDirectory(Directory,
            UnixFileMode.UserRead | UnixFileMode.UserWrite | UnixFileMode.UserExecute);
    }

    /// <summary>Nobody hears it.</summary>
    public static Shell Silent => new(TextWriter.Null, TextWriter.Null, TextReader.Null, IsTerminal: false,
        CanAsk: false);

    public string Directory { get; }

    public ArenaOptions Options => new() { Directory = Directory, MetadataSize = 2 * MiB };

    public string File(string name) => Path.Combine(Directory, name);

    /// <summary>An arena with a filled heap and a filled raw region, closed.</summary>
    public TestArena Filled(int records = 1000)
    {
        using PersistentArena arena = PersistentArena.Create(Options);
        using PersistentRegion heap = arena.CreateRegion("carts", 16 * MiB,
            new RegionOptions { Kind = RegionKind.Heap });
        PersistentDictionary carts = PersistentDictionary.OpenOrCreate(PersistentHeap.Open(heap), "carts");
        for (int i = 0; i < records; i++)
        {
            carts.Set(BitConverter.GetBytes(i), new byte[100 + (i % 50)]);
        }

        using PersistentRegion raw = arena.CreateRegion("blob", 4 * MiB);
        new Random(1).NextBytes(raw.AsSpan(0, 3 << 20));
        return this;
    }

    /// <summary>Runs the tool on this arena.</summary>
    public Answer Gmfs(params string[] arguments) => Run([.. arguments, "--arena", Directory]);

    /// <summary>Runs the tool with somebody who answers.</summary>
    public Answer Asked(string answer, params string[] arguments) => Run([.. arguments, "--arena", Directory], answer);

    /// <summary>Runs the tool in this process, as it is run.</summary>
    public static Answer Run(IReadOnlyList<string> arguments, string? answer = null)
    {
        using var output = new StringWriter();
        using var error = new StringWriter();
        using var input = new StringReader(answer ?? string.Empty);
        int code = Cli.Gmfs.Run(arguments,
            new Shell(output, error, input, IsTerminal: false, CanAsk: answer is not null));
        return new Answer(code, output.ToString(), error.ToString());
    }

    /// <summary>Changes bytes of a file behind everybody's back.</summary>
    public void Damage(string name, long offset, int count = 1)
    {
        using FileStream file = new(File(name), FileMode.Open, FileAccess.ReadWrite, FileShare.ReadWrite);
        byte[] bytes = new byte[count];
        file.Position = offset;
        file.ReadExactly(bytes);
        file.Position = offset;
        file.Write([.. bytes.Select(b => (byte)~b)]);
    }

    /// <summary>
    /// Every byte of every file, read as the library does: the framework would take a lock that a writer has.
    /// </summary>
    public Dictionary<string, byte[]> Bytes()
    {
        using Medium medium = Medium.ForDirectory(Directory, writable: false);
        return medium.ListFiles().ToDictionary(name => name, name => BytesOf(medium, name));
    }

    private static unsafe byte[] BytesOf(Medium medium, string name)
    {
        using MediumFile file = medium.TryOpenFile(name, writable: false)!;
        using var view = new AddressReservation(file.Length, 2 * MiB);
        file.MapAt(view.Address, file.Length, writable: false);
        return new ReadOnlySpan<byte>((void*)view.Address, (int)file.Length).ToArray();
    }

    public void Dispose() => System.IO.Directory.Delete(Directory, recursive: true);
}
