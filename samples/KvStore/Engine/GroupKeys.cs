using System.Buffers.Binary;
using KvStore.Protocol;

namespace KvStore.Engine;

/// <summary>Keys of groups, consumers and what they have to acknowledge, in a stream's second order.</summary>
internal static class GroupKeys
{
    private const byte GroupKind = 1;
    private const byte PendingKind = 2;
    private const byte ConsumerKind = 3;
    private const byte PendingOfConsumerKind = 4;
    private const byte DestroyedKind = 5;

    public static byte[] Groups => [GroupKind];

    public static byte[] Destroyed => [DestroyedKind];

    public static byte[] Group(ReadOnlySpan<byte> name) => [GroupKind, .. name];

    /// <summary>All that a group has to acknowledge.</summary>
    public static byte[] Pending(long group) => Numbered(PendingKind, group);

    public static byte[] Pending(long group, StreamId id) => Behind(Pending(group), id);

    public static byte[] Consumers(long group) => Numbered(ConsumerKind, group);

    public static byte[] Consumer(long group, ReadOnlySpan<byte> name) => [.. Consumers(group), .. name];

    /// <summary>All that consumers of a group have to acknowledge.</summary>
    public static byte[] PendingOfConsumers(long group) => Numbered(PendingOfConsumerKind, group);

    public static byte[] PendingOf(long group, long consumer) => [.. PendingOfConsumers(group), .. Number(consumer)];

    public static byte[] PendingOf(long group, long consumer, StreamId id) => Behind(PendingOf(group, consumer), id);

    public static byte[] DestroyedGroup(long group) => Numbered(DestroyedKind, group);

    public static long NumberOfDestroyed(ReadOnlySpan<byte> key) => BinaryPrimitives.ReadInt64BigEndian(key[1..]);

    /// <summary>The first key that comes behind all that begin so: none of them ends with the highest byte.</summary>
    public static byte[] Behind(byte[] prefix)
    {
        byte[] behind = [.. prefix];
        int last = behind.AsSpan().LastIndexOfAnyExcept(byte.MaxValue);
        behind[last]++;
        behind.AsSpan(last + 1).Clear();
        return behind;
    }

    private static byte[] Behind(byte[] prefix, StreamId id)
    {
        byte[] key = new byte[prefix.Length + StreamId.Length];
        prefix.CopyTo(key, 0);
        id.Write(key.AsSpan(prefix.Length));
        return key;
    }

    private static byte[] Numbered(byte kind, long number) => [kind, .. Number(number)];

    private static byte[] Number(long number)
    {
        byte[] bytes = new byte[sizeof(long)];
        BinaryPrimitives.WriteInt64BigEndian(bytes, number);
        return bytes;
    }
}
