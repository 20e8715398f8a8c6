using GuestMemFs.Heap;
using GuestMemFs.Inspection;

namespace GuestMemFs.Tests.Collections;

/// <summary>Ordered maps that records of a dictionary own: random changes beside a model, through crashes.</summary>
public sealed class NestedCollectionsTests
{
    [Fact]
    public void They_exist_from_the_open_that_makes_them_on()
    {
        using PlainSpace space = new(8 << 20);
        PersistentHeap heap = PersistentHeap.Open(space);
        PersistentDictionary owners = PersistentDictionary.OpenOrCreate(heap, "owners");
        Assert.False(NestedCollections.Exists(heap, "nested"));

        NestedCollections.OpenOrCreate(heap, owners, "nested");

        Assert.True(NestedCollections.Exists(heap, "nested"));
    }

    [Fact]
    [Trait("speed", "slow")]
    public void Collections_are_what_the_model_says_through_crashes_and_leave_nothing()
    {
        PlainSpace space = new(32 << 20);
        Dictionary<byte, SortedModel> model = [];
        Random random = new(11);
        (PersistentHeap heap, NestedCollections nested) = Open(space);
        for (int i = 0; i < 6_000; i++)
        {
            byte key = (byte)random.Next(8);
            Change(nested, model, random, key);
            if (random.Next(5) == 0)
            {
                nested.CollectGarbage(random.Next(1, 20));
            }

            if (random.Next(150) == 0)
            {
                PlainSpace crashed = space.Crash();
                space.Dispose();
                space = crashed;
                (heap, nested) = Open(space);
                AssertSame(nested, model);
            }
        }

        AssertSame(nested, model);
        Assert.True(nested.CollectGarbage(int.MaxValue));
        long notes = nested.Entries.Section([0, 0, 0, 0, 0, 0, 0, 0, 1]).Count;
        Assert.InRange(notes, 0, model.Count);
        Assert.Equal(1 + (2 * notes) + model.Values.Sum(each => 1L + each.Entries.Count), nested.Entries.Count);
        nested.BeforeClear();
        nested.Owners.Clear();
        Assert.True(nested.CollectGarbage(int.MaxValue));
        Assert.Equal(1, nested.Entries.Count);
        Assert.Empty(HeapVerifier.Verify(heap, TestContext.Current.CancellationToken));
        space.Dispose();
    }

    [Fact]
    public unsafe void An_older_library_refuses_a_heap_with_collections_and_no_other()
    {
        using PlainSpace space = new(8 << 20);
        PersistentHeap heap = PersistentHeap.Open(space);
        PersistentSortedMap.OpenOrCreate(heap, "map");
        ulong before = *(ulong*)(space.Base + HeapFormat.IncompatOffset);
        Assert.Equal(0UL, before & HeapFormat.NestedCollections);
        Open(space);
        Assert.Equal(before | HeapFormat.NestedCollections, *(ulong*)(space.Base + HeapFormat.IncompatOffset));
    }

    [Fact]
    public void A_collection_that_stays_after_all_leaves_no_note()
    {
        using PlainSpace space = new(8 << 20);
        (_, NestedCollections nested) = Open(space);
        long id = nested.Begin("k"u8);
        Put(nested, (byte)'k', id);
        nested.Complete(id);
        long before = nested.Entries.Count;

        nested.BeforeDrop(id);
        nested.BeforeDrop(id);
        Assert.Equal(before + 1, nested.Entries.Count);
        nested.Complete(id);

        Assert.Equal(before, nested.Entries.Count);
    }

    [Theory]
    [InlineData(true)]
    [InlineData(false)]
    public void A_clear_frees_what_was_there_and_nothing_that_came_later(bool clears)
    {
        using PlainSpace space = new(8 << 20);
        (_, NestedCollections nested) = Open(space);
        long first = Fill((byte)'a');
        long second = Fill((byte)'b');
        nested.BeforeClear();
        if (clears)
        {
            nested.Owners.Clear();
        }

        long later = Fill((byte)'c');

        Assert.False(nested.CollectGarbage(1));
        Assert.True(nested.CollectGarbage(1000));

        long stays = clears ? 0 : 2;
        Assert.Equal((stays, stays, 2L),
            (nested.Section(first).Count, nested.Section(second).Count, nested.Section(later).Count));
        Assert.Equal((clears ? 0 : first, later), (nested.Find([(byte)'a']), nested.Find([(byte)'c'])));
        Assert.Equal(1 + ((clears ? 1 : 3) * 3), nested.Entries.Count);
        Assert.True(nested.CollectGarbage(1));

        long Fill(byte key)
        {
            long id = nested.Begin([key]);
            nested.Section(id).Set([1], default);
            nested.Section(id).Set([2], default);
            Put(nested, key, id);
            nested.Complete(id);
            return id;
        }
    }

    [Fact]
    public void Garbage_is_freed_in_steps()
    {
        using PlainSpace space = new(8 << 20);
        (_, NestedCollections nested) = Open(space);
        long id = nested.Begin("k"u8);
        for (byte i = 0; i < 100; i++)
        {
            nested.Section(id).Set([i], default);
        }

        Assert.False(nested.CollectGarbage(30));
        Assert.Equal(70, nested.Section(id).Count);
        Assert.False(nested.CollectGarbage(30));
        Assert.Equal(40, nested.Section(id).Count);
        Assert.True(nested.CollectGarbage(1000));
        Assert.Equal(1, nested.Entries.Count);
    }

    [Fact]
    public void A_record_that_expired_is_shown_before_it_goes_with_its_collection()
    {
        using PlainSpace space = new(8 << 20);
        (_, NestedCollections nested) = Open(space);
        foreach (byte key in (byte[])[1, 2, 3])
        {
            long id = nested.Begin([key]);
            nested.Section(id).Set([key], default);
            Put(nested, key, id);
        }

        nested.BeforeExpiry(nested.Find([1]), DateTimeOffset.UnixEpoch);
        nested.Owners.Expire([1], DateTimeOffset.UnixEpoch);
        nested.BeforeExpiry(nested.Find([2]), DateTimeOffset.MaxValue);
        nested.Owners.Expire([2], DateTimeOffset.MaxValue);
        nested.BeforeDrop(nested.Find([3]));
        nested.Owners.Remove([3]);
        List<byte> seen = [];
        Keys visitor = new(seen);

        Assert.True(nested.CollectGarbage(1000, ref visitor));

        Assert.Equal([1], seen);
        Assert.Equal(1, nested.Owners.Count);
        Assert.NotEqual(0, nested.Find([2]));
    }

    [Fact]
    public void A_record_names_a_collection_or_none()
    {
        using PlainSpace space = new(8 << 20);
        (_, NestedCollections nested) = Open(space);
        nested.Owners.Set("string"u8, [1, 5, 0, 0, 0, 0, 0, 0, 0]);
        Assert.Equal(0, nested.Find("string"u8));
        Assert.Equal(0, nested.Find("absent"u8));
        Put(nested, 1, nested.Begin([1]));
        Assert.Equal(1, nested.Find([1]));
        Assert.Throws<ArgumentOutOfRangeException>(() => nested.Section(1, 0));
    }

    private static void Change(NestedCollections nested, Dictionary<byte, SortedModel> model, Random random, byte key)
    {
        long id = nested.Find([key]);
        switch (random.Next(8))
        {
            case 0 or 1 when id == 0:
                id = nested.Begin([key]);
                model[key] = new SortedModel();
                for (int i = random.Next(1, 40); i > 0; i--)
                {
                    Set(nested, id, model[key], random);
                }

                Put(nested, key, id);
                break;
            case 0 when id != 0:
                nested.BeforeDrop(id);
                nested.Owners.Remove([key]);
                model.Remove(key);
                break;
            case 1:
                nested.BeforeExpiry(id, DateTimeOffset.UnixEpoch);
                nested.Owners.Expire([key], DateTimeOffset.UnixEpoch);
                model.Remove(key);
                break;
            case 2 when id != 0:
                nested.BeforeExpiry(id, DateTimeOffset.MaxValue);
                nested.Owners.Expire([key], DateTimeOffset.MaxValue);
                break;
            case 3 when random.Next(20) == 0:
                nested.BeforeClear();
                nested.Owners.Clear();
                model.Clear();
                break;
            case 4 when id != 0 && nested.Find([(byte)(key + 100)]) == 0:
                Rename(nested, id, key, (byte)(key + 100));
                Rename(nested, id, (byte)(key + 100), key);
                break;
            default:
                if (id != 0)
                {
                    Set(nested, id, model[key], random);
                }

                break;
        }
    }

    private static void Rename(NestedCollections nested, long id, byte from, byte to)
    {
        using AtomicGroup group = nested.Owners.BeginAtomic(3);
        nested.Move(id, [to]);
        Reference reference = new(id);
        nested.Owners.Mutate([to], ref reference);
        nested.Owners.Remove([from]);
        group.Commit();
    }

    private static void Set(NestedCollections nested, long id, SortedModel model, Random random)
    {
        byte[] key = [(byte)random.Next(60)];
        nested.Section(id).Set(key, key);
        model.Entries[key] = key;
    }

    private static void Put(NestedCollections nested, byte key, long id)
    {
        Reference reference = new(id);
        nested.Owners.Mutate([key], ref reference);
        nested.Complete(id);
    }

    private static void AssertSame(NestedCollections nested, Dictionary<byte, SortedModel> model)
    {
        for (byte key = 0; key < 8; key++)
        {
            long id = nested.Find([key]);
            Assert.Equal(model.ContainsKey(key), id != 0);
            List<byte> found = [];
            if (id != 0)
            {
                foreach (SortedEntry entry in nested.Section(id).Scan())
                {
                    found.Add(entry.Key[0]);
                }
            }

            Assert.Equal(id == 0 ? [] : model[key].Entries.Keys.Select(each => each[0]), found);
        }
    }

    private static (PersistentHeap Heap, NestedCollections Nested) Open(PlainSpace space)
    {
        PersistentHeap heap = PersistentHeap.Open(space);
        return (heap, NestedCollections.OpenOrCreate(heap, PersistentDictionary.OpenOrCreate(heap, "keys"), "nested"));
    }

    private readonly struct Keys(List<byte> seen) : IRecordVisitor
    {
        public void Visit(in RecordView record) => seen.Add(record.Key[0]);
    }

    private readonly struct Reference(long id) : IRecordMutation
    {
        public static bool ReadsCurrent => false;

        public RecordChange Decide(in RecordView current) =>
            RecordChange.Put(NestedCollections.ReferenceLength, type: RecordType.Hash);

        public void Write(in RecordView current, Span<byte> value) => NestedCollections.WriteReference(value, id);
    }
}
