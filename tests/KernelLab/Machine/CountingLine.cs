using System.Diagnostics;
using System.Globalization;
using System.Net.Sockets;

namespace GuestMemFs.KernelLab.Machines;

/// <summary>
/// A third serial line of a machine, for what a machine inside it counts (tests/TinyGuest): numbers, eight hexadecimal
/// digits each, with the host's time of their arrival. What the guest's firmware writes before is left out.
/// </summary>
internal sealed class CountingLine : IDisposable
{
    private const int Digits = 8;
    private readonly DirectoryInfo _folder = Directory.CreateTempSubdirectory("gmf-line-");
    private readonly Socket _listener = new(AddressFamily.Unix, SocketType.Stream, ProtocolType.Unspecified);
    private readonly Thread _reader;
    private readonly List<(TimeSpan Time, uint Number)> _numbers = [];
    private readonly long _started;
    private volatile int _heard;

    /// <summary>Begins to listen.</summary>
    /// <param name="started">The time that times are counted from.</param>
    public CountingLine(long started)
    {
        _started = started;
        _listener.Bind(new UnixDomainSocketEndPoint(Path));
        _listener.Listen();
        _reader = new Thread(Read) { IsBackground = true };
        _reader.Start();
    }

    /// <summary>What QEMU is told. An interrupt of its own, because the first two lines' are taken.</summary>
    public string[] Arguments => ["-chardev", $"socket,id=counts,path={Path},server=off", "-device",
        "isa-serial,chardev=counts,index=2,iobase=0x3e8,irq=10"];

    /// <summary>How many numbers came so far.</summary>
    public int Heard => _heard;

    private string Path => System.IO.Path.Combine(_folder.FullName, "line");

    /// <summary>Ends with the machine; gives what was counted.</summary>
    public IReadOnlyList<(TimeSpan Time, uint Number)> End()
    {
        _listener.Dispose(); // where QEMU did not even start
        _reader.Join();
        return _numbers;
    }

    public void Dispose()
    {
        _listener.Dispose();
        _folder.Delete(recursive: true);
    }

    private void Read()
    {
        try
        {
            using Socket line = _listener.Accept();
            using var stream = new NetworkStream(line);
            using var reader = new StreamReader(stream);
            while (reader.ReadLine() is { } text)
            {
                if (text.Length == Digits && uint.TryParse(text, NumberStyles.AllowHexSpecifier,
                    CultureInfo.InvariantCulture, out uint number))
                {
                    _numbers.Add((Stopwatch.GetElapsedTime(_started), number));
                    _heard = _numbers.Count;
                }
            }
        }
        catch (Exception e) when (e is SocketException or IOException or ObjectDisposedException)
        {
            // QEMU did not start, or was killed: that is judged by who started it.
        }
    }
}
