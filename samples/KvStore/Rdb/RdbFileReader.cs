using System.Buffers.Binary;
using KvStore.Memory;
using KvStore.Protocol;

namespace KvStore.Rdb;

/// <summary>What <see cref="RdbFileReader"/> stands on.</summary>
internal enum RdbItem
{
    /// <summary>A key with its object.</summary>
    Key,

    /// <summary>The text of a library of functions.</summary>
    Function,
}

/// <summary>
/// Reads a file of dumps of the versions 1 to 12: each key with the bytes of its object as they stand there, which
/// RESTORE takes, and libraries of functions. What modules have is skipped where it is none of a key's.
/// </summary>
/// <remarks>It takes memory for one key at a time. Each object is read to its last element.</remarks>
internal sealed class RdbFileReader : IDisposable
{
    private const int HeaderLength = 9;
    private const int FirstWithChecksum = 5;

    private readonly RdbInput _input;
    private readonly ObjectReader _objects;
    private readonly GrowingBuffer _skipped = new();

    /// <summary>Reads the header.</summary>
    /// <exception cref="RdbFormatException">It is none, or of a version that is not known.</exception>
    public RdbFileReader(Stream stream, long length)
    {
        _input = new RdbInput(stream, length) { ChecksAll = true };
        _objects = new ObjectReader(_input, new ForgottenObject());
        Span<byte> header = stackalloc byte[HeaderLength];
        _input.ReadBytes(header);
        if (!header[..5].SequenceEqual("REDIS"u8) || !int.TryParse(header[5..], out int version)
            || version is < 1 or > DumpPayload.LatestVersion)
        {
            throw new RdbFormatException($"It is no RDB file of a version from 1 to {DumpPayload.LatestVersion}.");
        }

        Version = version;
    }

    public int Version { get; }

    /// <summary>How many bytes are not read yet.</summary>
    public long Remaining => _input.Remaining;

    /// <summary>The database that a replica's stream goes on in: 0 where the file does not say it.</summary>
    public int StreamDatabase { get; private set; }

    /// <summary>The number of the database whose key it is.</summary>
    public ulong Database { get; private set; }

    /// <summary>The key; of a library its text.</summary>
    public GrowingBuffer Key { get; } = new();

    /// <summary>The key's object: its type, and its bytes.</summary>
    public GrowingBuffer Content { get; } = new();

    /// <summary>When the key expires, in milliseconds since 1970; null for never.</summary>
    public long? ExpiresAt { get; private set; }

    /// <summary>For how many seconds nobody had used the key; null where that is not said.</summary>
    public ulong? IdleSeconds { get; private set; }

    /// <summary>How often the key was used; null where that is not said.</summary>
    public byte? Frequency { get; private set; }

    /// <summary>Goes to the next item; null at the end, when the checksum fits.</summary>
    /// <exception cref="RdbFormatException">The bytes are not those of a file.</exception>
    public RdbItem? ReadNext()
    {
        (ExpiresAt, IdleSeconds, Frequency) = (null, null, null);
        while (true)
        {
            byte code = _input.ReadByte();
            switch ((RdbCode)code)
            {
                case RdbCode.End:
                    CheckEnd();
                    return null;
                case RdbCode.Function:
                    _input.ReadString(Key);
                    return RdbItem.Function;
                case >= RdbCode.SlotInfo:
                    ReadFact((RdbCode)code);
                    break;
                default:
                    ReadKey((RdbType)code);
                    return RdbItem.Key;
            }
        }
    }

    /// <summary>Reads what is behind the file's end, and has to be the stream's last so far.</summary>
    public void ReadBehind(Span<byte> to)
    {
        _input.ReadBytes(to);
        if (_input.Buffered > 0)
        {
            throw new RdbFormatException($"{_input.Buffered} bytes are behind the mark of its end.");
        }
    }

    public void Dispose()
    {
        _objects.Dispose();
        _input.Dispose();
        _skipped.Dispose();
        Key.Dispose();
        Content.Dispose();
    }

    private void ReadKey(RdbType type)
    {
        _input.ReadString(Key);
        Content.CutTo(0);
        Content.Append(1)[0] = (byte)type;
        _input.BeginRecord(Content);
        _objects.Read(type);
        _input.EndRecord();
    }

    private void ReadFact(RdbCode code)
    {
        switch (code)
        {
            case RdbCode.SelectDatabase:
                Database = _input.ReadLength();
                break;
            case RdbCode.Resize:
                Skip(2);
                break;
            case RdbCode.SlotInfo:
                Skip(3);
                break;
            case RdbCode.Auxiliary:
                ReadAuxiliary();
                break;
            case RdbCode.ExpiresSeconds:
                Span<byte> seconds = stackalloc byte[sizeof(int)];
                _input.ReadBytes(seconds);
                ExpiresAt = BinaryPrimitives.ReadInt32LittleEndian(seconds) * 1000L;
                break;
            case RdbCode.ExpiresMilliseconds:
                ExpiresAt = _input.ReadInt64();
                break;
            case RdbCode.Frequency:
                Frequency = _input.ReadByte();
                break;
            case RdbCode.Idle:
                IdleSeconds = _input.ReadLength();
                break;
            case RdbCode.ModuleFacts:
                SkipModule();
                break;
            default:
                throw new RdbFormatException("A byte stands where an item has to begin, and is none.");
        }
    }

    private void ReadAuxiliary()
    {
        _input.ReadString(_skipped);
        bool isDatabase = _skipped.Span.SequenceEqual("repl-stream-db"u8);
        _input.ReadString(_skipped);
        if (isDatabase && Numbers.TryParse(_skipped.Span, out long number) && number is >= 0 and < int.MaxValue)
        {
            StreamDatabase = (int)number;
        }
    }

    private void Skip(int lengths)
    {
        for (int i = 0; i < lengths; i++)
        {
            _input.ReadLength();
        }
    }

    // What a module has of no key: pieces, each behind its kind.
    private void SkipModule()
    {
        Span<byte> number = stackalloc byte[sizeof(double)];
        Skip(3); // The module, and when it would be told.
        while (true)
        {
            switch (_input.ReadLength())
            {
                case 0:
                    return;
                case 1 or 2:
                    _input.ReadLength();
                    break;
                case 3:
                    _input.ReadBytes(number[..sizeof(float)]);
                    break;
                case 4:
                    _input.ReadBytes(number);
                    break;
                case 5:
                    _input.ReadString(_skipped);
                    break;
                default:
                    throw new RdbFormatException("A piece of a module's is of a kind that is not known.");
            }
        }
    }

    private void CheckEnd()
    {
        ulong computed = _input.ReadChecksum();
        if (Version < FirstWithChecksum)
        {
            return;
        }

        ulong said = (ulong)_input.ReadInt64();
        if (said != 0 && said != computed)
        {
            throw new RdbFormatException("Its checksum does not fit: it is damaged.");
        }
    }
}
