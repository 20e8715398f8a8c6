using System.Numerics;
using System.Runtime.InteropServices;
using System.Text;
using GuestMemFs.Collections;
using GuestMemFs.Format;
using GuestMemFs.Heap;
using GuestMemFs.Inspection;

namespace GuestMemFs.Tests.Heap;

/// <summary>
/// Atomic groups of several dictionaries, roots and objects: whole or absent, in this process and in the next.
/// </summary>
public sealed class GroupTests
{
    [StructLayout(LayoutKind.Sequential)]
    private struct Node
    {
        public long Number;
        public Offset<Node> Next;
        public Offset<byte> Text;
    }

    [Fact]
    public void Disposing_goes_back_in_every_dictionary_and_object()
    {
        using PlainSpace space = new(8 << 20);
        Parts parts = Parts.Make(space);

        using (parts.Heap.BeginAtomic())
        {
            parts.Change();
            parts.AssertChanged();
        }

        parts.AssertBefore();
        Assert.Empty(HeapVerifier.Verify(parts.Heap, TestContext.Current.CancellationToken));
        using (AtomicGroup group = parts.Heap.BeginAtomic())
        {
            parts.Change();
            group.Commit();
        }

        parts.AssertChanged();
        Assert.Empty(HeapVerifier.Verify(parts.Heap, TestContext.Current.CancellationToken));
    }

    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public void A_crash_leaves_all_of_a_group_or_nothing(bool commit)
    {
        using PlainSpace space = new(8 << 20);
        Parts parts = Parts.Make(space);
        using AtomicGroup group = parts.Heap.BeginAtomic();
        parts.Change();
        if (commit)
        {
            group.Commit();
        }

        using PlainSpace crashed = space.Crash();
        Parts found = Parts.Open(crashed);

        Assert.Equal(commit ? 0 : 1, found.Heap.Recovery.GroupsRolledBack);
        (commit ? (Action)found.AssertChanged : found.AssertBefore)();
        Assert.Empty(HeapVerifier.Verify(found.Heap, TestContext.Current.CancellationToken));
    }

    [Fact]
    public void What_is_not_opened_in_the_next_process_goes_back_when_it_is_opened_later()
    {
        using PlainSpace space = new(8 << 20);
        Parts parts = Parts.Make(space);
        using AtomicGroup group = parts.Heap.BeginAtomic();
        parts.Change();

        using PlainSpace crashed = space.Crash();
        PersistentHeap second = PersistentHeap.Open(crashed);
        PersistentRoot<Node> root = second.OpenOrCreateRoot<Node>("root");
        Parts.AssertObjectsBefore(second, root);
        PersistentDictionary b = PersistentDictionary.OpenOrCreate(second, "b");
        Parts.AssertBBefore(b);
        Assert.Equal(0, second.Recovery.GroupsRolledBack);
        second.PutBytes(root.Value.Text, "of the second process"u8);
        b.Set("upd"u8, "of the second process"u8);
        for (int i = 0; i < 300; i++)
        {
            b.Set(Encoding.UTF8.GetBytes("fill" + i), new byte[20 + i]); // what was free is used by others now
        }

        using PlainSpace again = crashed.Crash();
        PersistentHeap third = PersistentHeap.Open(again);
        PersistentDictionary a = PersistentDictionary.OpenOrCreate(third, "a");

        Parts.AssertABefore(a);
        Assert.Equal(1, third.Recovery.GroupsRolledBack);
        Assert.Equal("of the second process"u8.ToArray(), PersistentDictionary.OpenOrCreate(third, "b").Get("upd"u8));
        Assert.Equal("of the second process"u8.ToArray(),
            third.ReadBytes(third.OpenOrCreateRoot<Node>("root").Value.Text).ToArray());
        Assert.Empty(HeapVerifier.Verify(third, TestContext.Current.CancellationToken));
    }

    [Fact]
    public unsafe void An_open_group_of_the_first_form_goes_back_as_ever()
    {
        using PlainSpace space = new(8 << 20);
        PersistentHeap heap = PersistentHeap.Open(space);
        PersistentDictionary keys = PersistentDictionary.OpenOrCreate(heap, "keys");
        PersistentDictionary.OpenOrCreate(heap, "other").Set("other"u8, "1"u8);
        keys.Set("a"u8, "1"u8);
        keys.Set("b"u8, "2"u8);
        using AtomicGroup group = keys.BeginAtomic();
        keys.Set("a"u8, "3"u8);
        keys.Remove("b"u8);
        keys.Set("c"u8, "4"u8);
        using PlainSpace crashed = space.Crash();
        ToFirstForm(crashed, heap.FindRoot("keys", DictionaryFormat.Layout));

        PersistentHeap again = PersistentHeap.Open(crashed);
        Assert.Equal("1"u8.ToArray(), PersistentDictionary.OpenOrCreate(again, "other").Get("other"u8));
        Assert.Equal(0, again.Recovery.GroupsRolledBack);
        PersistentDictionary found = PersistentDictionary.OpenOrCreate(again, "keys");

        Assert.Equal(1, again.Recovery.GroupsRolledBack);
        Assert.Equal("1"u8.ToArray(), found.Get("a"u8));
        Assert.Equal("2"u8.ToArray(), found.Get("b"u8));
        Assert.Equal(2, found.Count);
        Assert.Equal(0UL, *(ulong*)(crashed.Base + HeapFormat.IncompatOffset));
        Assert.Empty(HeapVerifier.Verify(again, TestContext.Current.CancellationToken));
        using (AtomicGroup next = again.BeginAtomic())
        {
            found.Set("c"u8, "5"u8);
            next.Commit();
        }

        Assert.Equal(HeapFormat.GroupsOfSeveral, *(ulong*)(crashed.Base + HeapFormat.IncompatOffset));
        Assert.Empty(HeapVerifier.Verify(PersistentHeap.Open(crashed.Crash()), TestContext.Current.CancellationToken));
    }

    [Fact]
    public void A_copy_of_a_group_that_has_ended_does_nothing()
    {
        using PlainSpace space = new(8 << 20);
        PersistentHeap heap = PersistentHeap.Open(space);
        PersistentDictionary keys = PersistentDictionary.OpenOrCreate(heap, "keys");
        AtomicGroup group = heap.BeginAtomic();
        keys.Set("a"u8, "1"u8);
        CommitCopy(group);
        using ManualResetEventSlim begun = new(), goOn = new();
        Thread other = new(() =>
        {
            using AtomicGroup its = heap.BeginAtomic();
            keys.Set("a"u8, "2"u8);
            begun.Set();
            goOn.Wait();
        });
        other.Start();
        Ended.Wait(begun);

        group.Dispose();
        string? late = null;
        try
        {
            group.Commit();
        }
        catch (AtomicGroupException e)
        {
            late = e.ReasonCode;
        }

        Thread writer = new(() => keys.Set("b"u8, "3"u8));
        writer.Start();
        Assert.False(writer.Join(300), "a write went on beside another thread's group");
        goOn.Set();
        other.Join();
        writer.Join();
        Assert.Equal(ReasonCodes.AtomicGroup, late);
        Assert.Equal("1"u8.ToArray(), keys.Get("a"u8));
        Assert.Empty(HeapVerifier.Verify(heap, TestContext.Current.CancellationToken));
    }

    [Fact]
    public void A_thread_that_ends_takes_its_open_group_back()
    {
        using PlainSpace space = new(8 << 20);
        PersistentHeap heap = PersistentHeap.Open(space);
        PersistentDictionary keys = PersistentDictionary.OpenOrCreate(heap, "keys");
        keys.Set("a"u8, "1"u8);
        for (int turn = 0; turn < 3; turn++)
        {
            Ended.All(() =>
            {
                AtomicGroup forgotten = heap.BeginAtomic();
                keys.Set("a"u8, "2"u8);
                keys.Set("new"u8, "2"u8);
            });

            Ended.All(turn switch
            {
                0 => () => keys.Set("b"u8, "3"u8),
                1 => () => heap.BeginAtomic().Dispose(),
                _ => () => heap.Close(giveBack: true),
            });

            Assert.Equal("1"u8.ToArray(), keys.Get("a"u8));
            Assert.Null(keys.Get("new"u8));
            Assert.Empty(HeapVerifier.Verify(heap, TestContext.Current.CancellationToken));
        }
    }

    [Fact]
    public void A_group_waits_for_changes_in_flight_and_writers_wait_for_it()
    {
        using PlainSpace space = new(8 << 20);
        PersistentHeap heap = PersistentHeap.Open(space);
        PersistentDictionary keys = PersistentDictionary.OpenOrCreate(heap, "keys");
        using ManualResetEventSlim planning = new(), goOn = new(), begun = new(), end = new();
        Thread writer = new(() =>
        {
            Collections.Blocked blocked = new(planning, goOn);
            keys.Mutate("k"u8, ref blocked);
        });
        Thread grouped = new(() =>
        {
            using AtomicGroup group = heap.BeginAtomic();
            begun.Set();
            end.Wait();
            group.Commit();
        });
        Thread late = new(() => keys.Set("late"u8, "1"u8));
        writer.Start();
        Ended.Wait(planning);
        grouped.Start();

        bool early = Ended.Within(begun, TimeSpan.FromMilliseconds(300));
        goOn.Set();
        Ended.Wait(begun);
        late.Start();
        bool beside = late.Join(300);
        end.Set();
        Ended.All(writer.Join, grouped.Join, late.Join);

        Assert.False(early, "a group began beside a change in flight");
        Assert.False(beside, "a change went on beside a group");
        Assert.Equal(2, keys.Count);
    }

    [Fact]
    public void A_root_or_a_dictionary_is_not_made_within_a_group()
    {
        using PlainSpace space = new(16 << 20);
        PersistentHeap heap = PersistentHeap.Open(space);
        PersistentRoot<long> there = heap.OpenOrCreateRoot<long>("there", 1);
        PersistentDictionary.OpenOrCreate(heap, "keys").Set("k"u8, "v"u8);
        using (AtomicGroup group = heap.BeginAtomic())
        {
            Assert.Throws<AtomicGroupException>(() => heap.OpenOrCreateRoot<long>("new"));
            AtomicGroupException refused =
                Assert.Throws<AtomicGroupException>(() => PersistentDictionary.OpenOrCreate(heap, "new"));

            Assert.Equal("GMF6005", refused.ReasonCode);
            Assert.Contains("'new'", refused.Message, StringComparison.Ordinal);
            Assert.Equal(1, heap.OpenOrCreateRoot<long>("there").Value);
            there.Set(2);
            Assert.Equal(1, PersistentDictionary.OpenOrCreate(heap, "keys").Count);
            group.Commit();
        }

        Assert.Equal(["there", "keys"], heap.Roots);
        Assert.Equal(2, there.Value);
        Assert.Equal(0, heap.OpenOrCreateRoot<long>("new").Value);
        Assert.Empty(HeapVerifier.Verify(heap, TestContext.Current.CancellationToken));
    }

    [Fact]
    public void Threads_that_begin_groups_and_change_objects_never_wait_for_each_other_for_ever()
    {
        using PlainSpace space = new(32 << 20);
        PersistentHeap heap = PersistentHeap.Open(space);
        PersistentRoot<Node> root = heap.OpenOrCreateRoot<Node>("root");
        for (int i = 0; i < 5; i++)
        {
            PersistentDictionary.OpenOrCreate(heap, "d" + i);
        }

        Ended.All([.. Enumerable.Range(0, 4).Select<int, Action>(n => () =>
        {
            for (int i = 0; i < 300; i++)
            {
                using AtomicGroup group = heap.BeginAtomic();
                heap.PutBytes(root.Value.Text, new byte[(i % 50) + 1]);
                PersistentDictionary.OpenOrCreate(heap, "d" + (i % 5)).Increment("n"u8);
                if (i % 2 == 0)
                {
                    group.Commit();
                }
            }
        }),
        .. Enumerable.Range(0, 3).Select<int, Action>(n => () =>
        {
            for (int i = 0; i < 2000; i++)
            {
                heap.PutBytes(root.Value.Text, new byte[(i % 50) + 1]);
                PersistentDictionary.OpenOrCreate(heap, "d" + (i % 5)).Increment("m"u8);
                if (i % 200 == 0)
                {
                    heap.OpenOrCreateRoot<long>($"root{n}-{i}");
                }
            }
        })]);

        PersistentDictionary[] all = [.. Enumerable.Range(0, 5).Select(i =>
            PersistentDictionary.OpenOrCreate(heap, "d" + i))];
        Assert.Equal(4 * 150, all.Sum(d => Number(d, "n")));
        Assert.Equal(3 * 2000, all.Sum(d => Number(d, "m")));
        Assert.Empty(HeapVerifier.Verify(heap, TestContext.Current.CancellationToken));

        static long Number(PersistentDictionary dictionary, string key) =>
            dictionary.Get(Encoding.UTF8.GetBytes(key)) is { } digits
                ? long.Parse(digits, System.Globalization.CultureInfo.InvariantCulture) : 0;
    }

    private static void CommitCopy(AtomicGroup group) => group.Commit();

    /// <summary>Rewrites header and log to what a library before groups of several owners had left.</summary>
    private static unsafe void ToFirstForm(PlainSpace space, long root)
    {
        ulong* header = (ulong*)space.Base;
        header[HeapFormat.IncompatOffset / 8] = 0;
        uint crc = 0x4845_4150;
        for (int i = 0; i < HeapFormat.ConstantLength / 8; i++)
        {
            crc = BitOperations.Crc32C(crc, header[i]);
        }

        header[HeapFormat.CrcOffset / 8] = crc;
        for (int i = 0; i < HeapFormat.LaneCount; i++)
        {
            Lane lane = new(i, space.Base, space.Epoch);
            if (!GroupLog.Exists(lane))
            {
                continue;
            }

            GroupLog log = GroupLog.Open(space, lane);
            GroupEntry[] entries = [.. Enumerable.Range(0, log.Count).Select(n => log.Entry(n)!.Value)];
            ulong* words = (ulong*)(space.Base + log.Offset);
            words[0] = BlockHeader.Sized(BlockHeader.TypeGroupLog, 16 + (62 * 16));
            words[1] = SealedOffset.Seal(root, GroupLog.OwnerOffset);
            for (int n = 0; n < entries.Length; n++)
            {
                words[2 + (2 * n)] = SealedOffset.Seal(entries[n].Old, 2 * n);
                words[3 + (2 * n)] = SealedOffset.Seal(entries[n].New, (2 * n) + 1);
            }
        }
    }

    /// <summary>Two dictionaries and a root with objects, before and after a group's changes.</summary>
    private sealed class Parts(PersistentHeap heap)
    {
        private readonly PersistentDictionary _a = PersistentDictionary.OpenOrCreate(heap, "a");
        private readonly PersistentDictionary _b = PersistentDictionary.OpenOrCreate(heap, "b");
        private readonly PersistentRoot<Node> _root = heap.OpenOrCreateRoot("root", new Node { Number = 1 });

        public PersistentHeap Heap { get; } = heap;

        public static Parts Make(PlainSpace space)
        {
            Parts parts = new(PersistentHeap.Open(space));
            parts._a.Set("k"u8, "0"u8);
            parts._b.Set("only in b"u8, "1"u8);
            parts._b.Set("upd"u8, "old"u8);
            parts.Heap.PutBytes(parts._root.Value.Text, "old text"u8);
            return parts;
        }

        public static Parts Open(PlainSpace space) => new(PersistentHeap.Open(space));

        public void Change()
        {
            _a.Set("k"u8, "9"u8);
            _b.Remove("only in b"u8);
            Heap.PutBytes(_root.Value.Text, "new text"u8);
            Heap.Put(_root.Value.Next, new Node { Number = 2 });
            _b.Set("upd"u8, "new"u8);
            _b.Set("ins"u8, "new"u8);
            Heap.PutBytes(Heap.Read(_root.Value.Next).Text, "text of the new node"u8);
            Heap.Free(_root.Value.Text);
            _a.Increment("n"u8);
            _a.Increment("n"u8);
            _root.Set(_root.Value with { Number = 3 });
        }

        public void AssertChanged()
        {
            Assert.Equal("9"u8.ToArray(), _a.Get("k"u8));
            Assert.Equal("2"u8.ToArray(), _a.Get("n"u8));
            Assert.Null(_a.Get("only in b"u8));
            Assert.Null(_b.Get("only in b"u8));
            Assert.Equal("new"u8.ToArray(), _b.Get("upd"u8));
            Assert.Equal("new"u8.ToArray(), _b.Get("ins"u8));
            Assert.Equal(3, _root.Value.Number);
            Assert.True(_root.Value.Text.IsNone);
            Assert.Equal("text of the new node"u8.ToArray(),
                Heap.ReadBytes(Heap.Read(_root.Value.Next).Text).ToArray());
        }

        public void AssertBefore()
        {
            AssertABefore(_a);
            AssertBBefore(_b);
            AssertObjectsBefore(Heap, _root);
        }

        public static void AssertABefore(PersistentDictionary a)
        {
            Assert.Equal("0"u8.ToArray(), a.Get("k"u8));
            Assert.Equal(1, a.Count);
        }

        public static void AssertBBefore(PersistentDictionary b)
        {
            Assert.Equal("1"u8.ToArray(), b.Get("only in b"u8));
            Assert.Equal("old"u8.ToArray(), b.Get("upd"u8));
            Assert.Equal(2, b.Count);
        }

        public static void AssertObjectsBefore(PersistentHeap heap, PersistentRoot<Node> root)
        {
            Assert.Equal(1, root.Value.Number);
            Assert.True(root.Value.Next.IsNone);
            Assert.Equal("old text"u8.ToArray(), heap.ReadBytes(root.Value.Text).ToArray());
        }
    }

    [Fact]
    public void A_group_goes_back_to_its_savepoints_in_all_that_it_changed()
    {
        using PlainSpace space = new(8 << 20);
        PersistentHeap heap = PersistentHeap.Open(space);
        PersistentDictionary dictionary = PersistentDictionary.OpenOrCreate(heap, "d");
        PersistentSortedMap map = PersistentSortedMap.OpenOrCreate(heap, "m");
        PersistentLog log = PersistentLog.OpenOrCreate(heap, "l");
        PersistentRoot<long> root = heap.OpenOrCreateRoot<long>("r");
        void Change(string value)
        {
            dictionary.Set("k"u8, Encoding.UTF8.GetBytes(value));
            map.Set("k"u8, Encoding.UTF8.GetBytes(value));
            log.Append(Encoding.UTF8.GetBytes(value));
            root.Set(value.Length);
        }

        void Is(string value, int entries)
        {
            Assert.Equal(value, Encoding.UTF8.GetString(dictionary.Get("k"u8)!));
            Assert.Equal(value, Encoding.UTF8.GetString(map.Get("k"u8)!));
            Assert.Equal((entries, (long)value.Length), (log.Count, root.Value));
            Assert.True(log.TryGetLast(out var last));
            Assert.Equal(value, Encoding.UTF8.GetString(last.Value));
        }

        using (AtomicGroup group = heap.BeginAtomic())
        {
            Change("1");
            GroupSavepoint one = group.Savepoint();
            Change("22");
            GroupSavepoint two = group.Savepoint();
            Change("333");
            group.RollBackTo(two);
            Is("22", 2);
            Change("4444");
            group.RollBackTo(one);
            Is("1", 1);
            Assert.Contains("went back further", Refused(group, two).Message, StringComparison.Ordinal);
            group.RollBackTo(one); // again
            Change("55555");
            group.Commit();
        }

        Is("55555", 2);
        using PlainSpace crashed = space.Crash();
        Assert.Empty(HeapVerifier.Verify(PersistentHeap.Open(crashed), TestContext.Current.CancellationToken));
        AtomicGroup later = heap.BeginAtomic();
        GroupSavepoint old = later.Savepoint();
        later.Dispose();
        using AtomicGroup another = heap.BeginAtomic();
        Refused(another, old);
        Refused(later, old);
    }

    private static AtomicGroupException Refused(AtomicGroup group, GroupSavepoint savepoint)
    {
        try
        {
            group.RollBackTo(savepoint);
        }
        catch (AtomicGroupException refused)
        {
            return refused;
        }

        Assert.Fail("the savepoint was taken");
        throw new InvalidOperationException();
    }

    [Fact]
    public void A_call_of_several_changes_that_fails_in_a_group_leaves_nothing_in_it()
    {
        using PlainSpace space = new(4 << 20);
        PersistentHeap heap = PersistentHeap.Open(space);
        PersistentSet set = PersistentSet.OpenOrCreate(heap, "s");
        PersistentList falling = PersistentList.OpenOrCreate(heap, "f");
        falling.AddLast("z"u8);
        falling.AddLast("y"u8);
        PersistentBytes bytes = PersistentBytes.OpenOrCreate(heap, "b");
        set.Add("a"u8);
        bytes.Append("there"u8);
        using (AtomicGroup group = heap.BeginAtomic())
        {
            set.Add("b"u8);
            Assert.Throws<ArgumentException>(() => set.ReplaceWith(falling.Scan()));
            Assert.Throws<ArenaOutOfSpaceException>(() => bytes.Write(3, new byte[8 << 20]));
            group.Commit();
        }

        Assert.Equal((true, true, 2), (set.Contains("a"u8), set.Contains("b"u8), set.Count));
        byte[] read = new byte[10];
        Assert.Equal(5, bytes.Read(0, read));
        Assert.Equal("there"u8.ToArray(), read[..5]);
        Assert.Empty(HeapVerifier.Verify(heap, TestContext.Current.CancellationToken));
    }
}
