using System.Buffers.Binary;
using GuestMemFs;
using KvStore.Protocol;

namespace KvStore.Engine;

/// <summary>The groups of consumers of a stream, in its second order.</summary>
internal sealed class ConsumerGroups(PersistentSortedMapSection section)
{
    private const int ReadAt = sizeof(long) + StreamId.Length;
    private const int LastConsumerAt = ReadAt + sizeof(long);
    private const int Size = LastConsumerAt + sizeof(long);

    public long Count => section.CountRange(GroupKeys.Groups, GroupKeys.Behind(GroupKeys.Groups));

    /// <summary>All, in the order of their names' bytes.</summary>
    public IEnumerable<ConsumerGroup> All
    {
        get
        {
            SortedMapCursor cursor = section.Scan(GroupKeys.Groups, GroupKeys.Behind(GroupKeys.Groups));
            while (cursor.MoveNext())
            {
                SortedEntry entry = cursor.Current;
                yield return Read(entry.Key[1..].ToArray(), entry.Value);
            }
        }
    }

    /// <summary>The group of a name; null where there is none.</summary>
    public ConsumerGroup? Find(ReadOnlySpan<byte> name)
    {
        byte[]? value = section.Get(GroupKeys.Group(name));
        return value is null ? null : Read(name.ToArray(), value);
    }

    public void Store(ConsumerGroup group)
    {
        Span<byte> value = stackalloc byte[Size];
        BinaryPrimitives.WriteInt64BigEndian(value, group.Number);
        group.LastId.Write(value[sizeof(long)..]);
        BinaryPrimitives.WriteInt64BigEndian(value[ReadAt..], group.EntriesRead);
        BinaryPrimitives.WriteInt64BigEndian(value[LastConsumerAt..], group.LastConsumer);
        section.Set(GroupKeys.Group(group.Name), value);
    }

    /// <summary>A new group; it is to be stored.</summary>
    public ConsumerGroup New(ReadOnlySpan<byte> name, long number) =>
        new(section) { Name = name.ToArray(), Number = number };

    /// <summary>The group is there no more. What it had is freed later: <see cref="FreeDestroyed"/>.</summary>
    public void Destroy(ConsumerGroup group)
    {
        section.Set(GroupKeys.DestroyedGroup(group.Number), default);
        section.Remove(GroupKeys.Group(group.Name));
    }

    /// <summary>Frees up to so many entries of destroyed groups; how many it did.</summary>
    public int FreeDestroyed(int most, out bool isGone)
    {
        int freed = 0;
        SortedMapCursor groups = section.Scan(GroupKeys.Destroyed);
        while (groups.MoveNext())
        {
            byte[] mark = groups.Current.Key.ToArray();
            long number = GroupKeys.NumberOfDestroyed(mark);
            freed += RemoveAll(GroupKeys.Pending(number), most - freed);
            freed += RemoveAll(GroupKeys.PendingOfConsumers(number), most - freed);
            freed += RemoveAll(GroupKeys.Consumers(number), most - freed);
            if (freed >= most)
            {
                isGone = false;
                return freed;
            }

            // Behind all: it is what leads to them.
            section.Remove(mark);
            freed++;
        }

        isGone = true;
        return freed;
    }

    private ConsumerGroup Read(byte[] name, ReadOnlySpan<byte> value) => new(section)
    {
        Name = name,
        Number = BinaryPrimitives.ReadInt64BigEndian(value),
        LastId = StreamId.Read(value[sizeof(long)..]),
        EntriesRead = BinaryPrimitives.ReadInt64BigEndian(value[ReadAt..]),
        LastConsumer = BinaryPrimitives.ReadInt64BigEndian(value[LastConsumerAt..]),
    };

    private int RemoveAll(byte[] prefix, int most)
    {
        List<byte[]> keys = [];
        SortedMapCursor cursor = section.Scan(prefix, GroupKeys.Behind(prefix));
        while (keys.Count < most && cursor.MoveNext())
        {
            keys.Add(cursor.Current.Key.ToArray());
        }

        keys.ForEach(key => section.Remove(key));
        return keys.Count;
    }
}
