using System.Buffers.Binary;
using System.Globalization;
using System.Text;
using KvStore.Memory;
using KvStore.Rdb;

namespace KvStore.Transfer;

/// <summary>Writes a file of dumps from what DUMP replies: of the latest version that one of these has.</summary>
internal sealed class RdbFileWriter : IDisposable
{
    private const int FooterLength = sizeof(ushort) + sizeof(ulong);
    private const int BufferSize = 1 << 20;
    private const UnixFileMode OwnersAlone = UnixFileMode.UserRead | UnixFileMode.UserWrite;

    private readonly FileStream _file;
    private readonly GrowingBuffer _bytes = new();
    private readonly RdbOutput _output;
    private int _version = DumpPayload.Version;
    private ulong _checksum;

    /// <param name="file">A new one, of <see cref="Create"/>.</param>
    public RdbFileWriter(FileStream file)
    {
        _file = file;
        _output = new RdbOutput(_bytes);
        _output.Raw(Header(_version));
        Send();
    }

    /// <summary>Makes a file that is not there yet, for its owner alone.</summary>
    public static FileStream Create(string path)
    {
        FileStreamOptions options = new()
        {
            Mode = FileMode.CreateNew,
            Access = FileAccess.ReadWrite,
            BufferSize = BufferSize,
        };
        if (OperatingSystem.IsLinux())
        {
            options.UnixCreateMode = OwnersAlone;
        }

        return new FileStream(path, options);
    }

    public void SelectDatabase(ulong number)
    {
        _output.Byte((byte)RdbCode.SelectDatabase);
        _output.Length(number);
        Send();
    }

    /// <summary>Writes what FUNCTION DUMP replied.</summary>
    public void WriteFunctions(ReadOnlySpan<byte> payload) => Append(Open(payload));

    /// <summary>Writes a key.</summary>
    /// <param name="key">The key.</param>
    /// <param name="expiresAt">In milliseconds since 1970; null for never.</param>
    /// <param name="payload">What DUMP replied.</param>
    /// <exception cref="InvalidDataException">It is no such reply.</exception>
    public void WriteKey(ReadOnlySpan<byte> key, long? expiresAt, ReadOnlySpan<byte> payload)
    {
        ReadOnlySpan<byte> content = Open(payload);
        if (content.IsEmpty)
        {
            throw new InvalidDataException("A dump of the server's has no object.");
        }

        if (expiresAt is { } time)
        {
            _output.Byte((byte)RdbCode.ExpiresMilliseconds);
            _output.Int64(time);
        }

        _output.Byte(content[0]);
        _output.String(key);
        Send();
        Append(content[1..]);
    }

    /// <summary>Writes the end, and all of it to the disk.</summary>
    public void End()
    {
        _output.Byte((byte)RdbCode.End);
        Send();
        if (_version != DumpPayload.Version)
        {
            WriteVersion();
        }

        _output.Int64((long)_checksum);
        _file.Write(_bytes.Span);
        _file.Flush(flushToDisk: true);
    }

    public void Dispose()
    {
        _file.Dispose();
        _bytes.Dispose();
    }

    private static byte[] Header(int version) =>
        Encoding.ASCII.GetBytes(string.Create(CultureInfo.InvariantCulture, $"REDIS{version:D4}"));

    private ReadOnlySpan<byte> Open(ReadOnlySpan<byte> payload)
    {
        if (!DumpPayload.TryOpen(payload, out ReadOnlySpan<byte> content))
        {
            throw new InvalidDataException("A dump of the server's is of a later version, or damaged.");
        }

        _version = Math.Max(_version, BinaryPrimitives.ReadUInt16LittleEndian(payload[^FooterLength..]));
        return content;
    }

    private void Send()
    {
        Append(_bytes.Span);
        _bytes.CutTo(0);
    }

    private void Append(ReadOnlySpan<byte> bytes)
    {
        _checksum = Crc64.Append(_checksum, bytes);
        _file.Write(bytes);
    }

    // The checksum is of the header too, which is known only now.
    private void WriteVersion()
    {
        _file.Position = 0;
        _file.Write(Header(_version));
        _file.Position = 0;
        _checksum = 0;
        byte[] buffer = new byte[BufferSize];
        for (int count; (count = _file.Read(buffer)) > 0;)
        {
            _checksum = Crc64.Append(_checksum, buffer.AsSpan(0, count));
        }
    }
}
