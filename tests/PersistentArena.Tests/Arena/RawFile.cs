using GuestMemFs.Native;
using GuestMemFs.Tests.Infrastructure;

namespace GuestMemFs.Tests.Arena;

/// <summary>A medium's file with nothing between it and the test: to break it, and to see that nothing broke.</summary>
internal sealed unsafe class RawFile : IDisposable
{
    private readonly Medium _medium;
    private readonly MediumFile _file;
    private readonly AddressReservation _view;

    public RawFile(TestMedium medium, string name)
    {
        _medium = medium.Open();
        _file = _medium.TryOpenFile(name, writable: true) ?? throw new FileNotFoundException(name);
        _view = new AddressReservation(_file.Length, 2 << 20);
        _file.MapAt(_view.Address, _file.Length, writable: true);
    }

    public Span<byte> Bytes => new((byte*)_view.Address, (int)_view.Length);

    /// <summary>A copy of a file's bytes.</summary>
    public static byte[] Read(TestMedium medium, string name)
    {
        using var file = new RawFile(medium, name);
        return file.Bytes.ToArray();
    }

    /// <summary>Exchanges two files of one length.</summary>
    public static void Swap(TestMedium medium, string first, string second)
    {
        using var a = new RawFile(medium, first);
        using var b = new RawFile(medium, second);
        byte[] copy = a.Bytes.ToArray();
        b.Bytes.CopyTo(a.Bytes);
        copy.CopyTo(b.Bytes);
    }

    public void Dispose()
    {
        _view.Dispose();
        _file.Dispose();
        _medium.Dispose();
    }
}
