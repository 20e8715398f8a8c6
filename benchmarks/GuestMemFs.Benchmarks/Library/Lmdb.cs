using System.Runtime.InteropServices;
using System.Text;

namespace GuestMemFs.Benchmarks.Library;

/// <summary>
/// LMDB by its own library, with writable map and without sync, in transactions of a thousand changes.
/// </summary>
internal sealed unsafe class Lmdb : ISortedStore
{
    private const string Library = "liblmdb.so.0";
    private const uint NoSync = 0x10000;
    private const uint WriteMap = 0x80000;
    private const uint ReadOnly = 0x20000;
    private const int ChangesOfTransaction = 1000;

    private static readonly delegate* unmanaged<nint, nint, uint, nint*, int> s_begin =
        (delegate* unmanaged<nint, nint, uint, nint*, int>)Symbol("mdb_txn_begin");

    private static readonly delegate* unmanaged<nint, uint, Bytes*, Bytes*, int> s_get =
        (delegate* unmanaged<nint, uint, Bytes*, Bytes*, int>)Symbol("mdb_get");

    private static readonly delegate* unmanaged<nint, uint, Bytes*, Bytes*, uint, int> s_put =
        (delegate* unmanaged<nint, uint, Bytes*, Bytes*, uint, int>)Symbol("mdb_put");

    private static readonly delegate* unmanaged<nint, Bytes*, Bytes*, int, int> s_step =
        (delegate* unmanaged<nint, Bytes*, Bytes*, int, int>)Symbol("mdb_cursor_get");

    private readonly string _directory;
    private nint _environment;
    private nint _writer;
    private nint _reader;
    private uint _database;
    private int _changes;

    public Lmdb(string parent, long keys)
    {
        _directory = Path.Combine(parent, $"gmf-lmdb-{Guid.NewGuid():N}");
        Directory.CreateDirectory(_directory);
        nint environment;
        uint database;
        Check(((delegate* unmanaged<nint*, int>)Symbol("mdb_env_create"))(&environment));
        _environment = environment;
        nuint size = (nuint)((keys * 400) + (64 << 20));
        Check(((delegate* unmanaged<nint, nuint, int>)Symbol("mdb_env_set_mapsize"))(environment, size));
        fixed (byte* path = Encoding.UTF8.GetBytes(_directory + "\0"))
        {
            var open = (delegate* unmanaged<nint, byte*, uint, uint, int>)Symbol("mdb_env_open");
            Check(open(environment, path, NoSync | WriteMap, 0x180));
        }

        _writer = Begin(0);
        var openDatabase = (delegate* unmanaged<nint, byte*, uint, uint*, int>)Symbol("mdb_dbi_open");
        Check(openDatabase(_writer, null, 0, &database));
        _database = database;
    }

    [StructLayout(LayoutKind.Sequential)]
    private struct Bytes
    {
        public nuint Length;
        public byte* Start;
    }

    public static bool IsThere => NativeLibrary.TryLoad(Library, out _);

    // The pages that it has handed out.
    public long BytesUsed => LastPage() * 4096;

    public void Set(ReadOnlySpan<byte> key, ReadOnlySpan<byte> value)
    {
        if (_writer == 0)
        {
            _writer = Begin(0);
        }

        fixed (byte* k = key, v = value)
        {
            Bytes one = new() { Length = (nuint)key.Length, Start = k };
            Bytes two = new() { Length = (nuint)value.Length, Start = v };
            Check(s_put(_writer, _database, &one, &two, 0));
        }

        if (++_changes % ChangesOfTransaction == 0)
        {
            Commit();
        }
    }

    public int Get(ReadOnlySpan<byte> key)
    {
        Read();
        fixed (byte* k = key)
        {
            Bytes one = new() { Length = (nuint)key.Length, Start = k };
            Bytes two = default;
            Check(s_get(_reader, _database, &one, &two));
            return *(int*)two.Start;
        }
    }

    public long Sum()
    {
        Read();
        long sum = 0;
        nint cursor;
        Check(((delegate* unmanaged<nint, uint, nint*, int>)Symbol("mdb_cursor_open"))(_reader, _database, &cursor));
        Bytes key = default;
        Bytes value = default;
        const int next = 8;
        while (s_step(cursor, &key, &value, next) == 0)
        {
            sum += *(int*)value.Start;
        }

        ((delegate* unmanaged<nint, void>)Symbol("mdb_cursor_close"))(cursor);
        return sum;
    }

    public void Commit()
    {
        if (_writer != 0)
        {
            Check(((delegate* unmanaged<nint, int>)Symbol("mdb_txn_commit"))(_writer));
            _writer = 0;
        }
    }

    public void Dispose()
    {
        if (_reader != 0)
        {
            ((delegate* unmanaged<nint, void>)Symbol("mdb_txn_abort"))(_reader);
        }

        ((delegate* unmanaged<nint, void>)Symbol("mdb_env_close"))(_environment);
        Directory.Delete(_directory, recursive: true);
    }

    private void Read()
    {
        if (_reader == 0)
        {
            _reader = Begin(ReadOnly);
        }
    }

    private nint Begin(uint flags)
    {
        nint transaction;
        Check(s_begin(_environment, 0, flags, &transaction));
        return transaction;
    }

    private long LastPage()
    {
        nuint* info = stackalloc nuint[8];
        Check(((delegate* unmanaged<nint, nuint*, int>)Symbol("mdb_env_info"))(_environment, info));
        return (long)info[2] + 1;
    }

    private static void Check(int result)
    {
        if (result != 0)
        {
            throw new InvalidOperationException($"LMDB said {result}.");
        }
    }

    private static nint Symbol(string name) => NativeLibrary.GetExport(NativeLibrary.Load(Library), name);
}
