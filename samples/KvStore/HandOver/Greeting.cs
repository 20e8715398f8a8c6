using System.Buffers.Binary;
using KvStore.Engine;

namespace KvStore.HandOver;

/// <summary>What a successor says first: HELLO.</summary>
/// <param name="Lowest">The oldest version of the format that it speaks.</param>
/// <param name="Highest">The newest.</param>
/// <param name="Room">Clients that it has descriptors for.</param>
/// <param name="Store">Which store it is for.</param>
internal readonly record struct Greeting(ushort Lowest, ushort Highest, long Room, string Store)
{
    /// <summary>The format that this program speaks.</summary>
    public const ushort Version = 1;

    private const uint Magic = 0x4F48564B; // KVHO

    /// <summary>A store as both sides name it.</summary>
    public static string StoreOf(ServerOptions options)
    {
        string directory = options.ArenaDirectory.Length > 0 ? Path.GetFullPath(options.ArenaDirectory) : "";
        return string.Join('\n', options.ArenaName, options.Holder, directory);
    }

    public byte[] ToBytes()
    {
        using var bytes = new MemoryStream();
        using var to = new BinaryWriter(bytes);
        to.Write(Magic);
        to.Write(Lowest);
        to.Write(Highest);
        to.Write(Room);
        to.Write(Store);
        to.Flush();
        return bytes.ToArray();
    }

    /// <exception cref="HandOverException">It is none.</exception>
    public static Greeting Read(ReadOnlySpan<byte> payload)
    {
        try
        {
            using var from = new BinaryReader(new MemoryStream(payload.ToArray()));
            if (from.ReadUInt32() == Magic)
            {
                return new Greeting(from.ReadUInt16(), from.ReadUInt16(), from.ReadInt64(), from.ReadString());
            }
        }
        catch (Exception e) when (e is EndOfStreamException or FormatException)
        {
            // Said below.
        }

        throw new HandOverException("what it says is no greeting of a successor");
    }
}

/// <summary>What a predecessor says to it: WELCOME.</summary>
/// <param name="Version">The version of the format that is spoken.</param>
/// <param name="Clients">How many clients are to be handed over, about.</param>
internal readonly record struct Welcome(ushort Version, int Clients)
{
    private const int Length = sizeof(ushort) + sizeof(int);

    public byte[] ToBytes()
    {
        byte[] bytes = new byte[Length];
        BinaryPrimitives.WriteUInt16LittleEndian(bytes, Version);
        BinaryPrimitives.WriteInt32LittleEndian(bytes.AsSpan(sizeof(ushort)), Clients);
        return bytes;
    }

    /// <summary>
    /// False where it is none of a version that is spoken here. Later versions may have more behind it.
    /// </summary>
    public static bool TryRead(ReadOnlySpan<byte> payload, out Welcome welcome)
    {
        bool read = payload.Length >= Length
            && BinaryPrimitives.ReadUInt16LittleEndian(payload) == Greeting.Version;
        welcome = read ? new Welcome(Greeting.Version,
            BinaryPrimitives.ReadInt32LittleEndian(payload[sizeof(ushort)..])) : default;
        return read;
    }
}
