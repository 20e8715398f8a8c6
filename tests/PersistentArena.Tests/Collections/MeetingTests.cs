using System.Globalization;
using System.Text;
using GuestMemFs.Inspection;

namespace GuestMemFs.Tests.Collections;

/// <summary>
/// The allowed meetings of docs/threads.md: two threads do the two things at once; nothing is lost, torn or left over.
/// </summary>
public sealed class MeetingTests
{
    private const int Turns = 2000;
    private const int Keys = 500;

    // Rows of the table. The last one is in another process, where nothing is changed.
    private static readonly string[] s_calls =
        ["read", "walk", "change", "upkeep", "clear", "object", "open", "group", "read elsewhere"];

    public static TheoryData<string, string> Meetings
    {
        get
        {
            TheoryData<string, string> meetings = [];
            for (int i = 0; i < s_calls.Length; i++)
            {
                for (int j = i; j < s_calls.Length; j++)
                {
                    meetings.Add(s_calls[i], s_calls[j]);
                }
            }

            return meetings;
        }
    }

    [Theory]
    [Trait("speed", "slow")]
    [MemberData(nameof(Meetings))]
    public void Calls_that_may_meet_leave_everything_whole(string left, string right)
    {
        using PlainSpace space = new(16 << 20, stale: 0);
        Parts parts = new(space);
        using Barrier start = new(2);

        Ended.All(() => Do(left, 0), () => Do(right, 1));

        parts.AssertWhole();

        void Do(string call, int thread)
        {
            Action<int> turn = parts.TurnOf(call, thread);
            start.SignalAndWait(TestContext.Current.CancellationToken);
            for (int i = 0; i < Turns; i++)
            {
                turn(i);
            }
        }
    }

    [Fact]
    public void A_group_is_refused_where_it_cannot_be()
    {
        using PlainSpace space = new(16 << 20, stale: 0);
        PersistentHeap heap = PersistentHeap.Open(space);
        PersistentDictionary keys = PersistentDictionary.OpenOrCreate(heap, "keys");
        using AtomicGroup group = heap.BeginAtomic();
        keys.Set("a"u8, "1"u8);

        Assert.Throws<AtomicGroupException>(() => heap.BeginAtomic().Dispose());
        Assert.Throws<AtomicGroupException>(() => keys.BeginAtomic().Dispose());
        Assert.Throws<AtomicGroupException>(() => heap.Close(giveBack: true));
        keys.Set("b"u8, "2"u8);
        group.Commit();

        Assert.Equal(2, keys.Count);
        Assert.Empty(HeapVerifier.Verify(heap, TestContext.Current.CancellationToken));
    }

    private sealed class Parts
    {
        private readonly PersistentHeap _heap;
        private readonly PersistentDictionary _keys;
        private readonly PersistentDictionary _tally;
        private readonly PersistentDictionary _elsewhere;
        private readonly PersistentRoot<Offset<byte>> _root;
        private long _counted;

        public Parts(PlainSpace space)
        {
            _heap = PersistentHeap.Open(space);
            _keys = PersistentDictionary.OpenOrCreate(_heap, "keys");
            _tally = PersistentDictionary.OpenOrCreate(_heap, "tally");
            _root = _heap.OpenOrCreateRoot<Offset<byte>>("root");
            for (int i = 0; i < Keys; i++)
            {
                _keys.Set(Key(i), Value(i));
            }

            _elsewhere = PersistentDictionary.OpenOrCreate(PersistentHeap.Open(space.Reader()), "keys");
        }

        public Action<int> TurnOf(string call, int thread) => call switch
        {
            "read" => i => Read(_keys, i),
            "read elsewhere" => i => Read(_elsewhere, i),
            "walk" => new Walk(_keys).Turn,
            "change" => i => Change(i, thread),
            "upkeep" => Upkeep,
            "clear" => i =>
            {
                _keys.Clear();
                _keys.Set(Key(i), Value(i));
            },
            "object" => i => ChangeObject(i, thread),
            "open" => Open,
            "group" => Group,
            _ => throw new ArgumentException(call, nameof(call)),
        };

        public void AssertWhole()
        {
            Assert.Empty(HeapVerifier.Verify(_heap, TestContext.Current.CancellationToken));
            Assert.Equal(_counted, long.Parse(_tally.Get("n"u8) ?? "0"u8.ToArray(), CultureInfo.InvariantCulture));
            _keys.RemoveExpired(int.MaxValue);
            _keys.RemoveExpired(int.MaxValue); // the first went on from where the last one stopped
            int records = 0;
            Walk walk = new(_keys);
            do
            {
                records += walk.Turn();
            }
            while (walk.Cursor != 0);

            Assert.Equal(_keys.Count, records);
            byte[] text = _heap.ReadBytes(_root.Value).ToArray();
            Assert.True(text.AsSpan().IndexOfAnyExcept(text.FirstOrDefault()) < 0, "an object is torn");
        }

        private static void Read(PersistentDictionary keys, int i)
        {
            if (keys.Get(Key(i)) is { } value)
            {
                AssertOneValue(value);
            }
        }

        private void Change(int i, int thread)
        {
            _tally.Increment("n"u8);
            Interlocked.Increment(ref _counted);
            switch (i % 4)
            {
                case 0:
                    _keys.Remove(Key(i + thread));
                    break;
                case 1:
                    _keys.Set(Key(i), Value(i), DateTimeOffset.UnixEpoch);
                    break;
                case 2:
                    _keys.Expire(Key(i), DateTimeOffset.MaxValue);
                    break;
                default:
                    _keys.Set(Encoding.UTF8.GetBytes($"{thread}:{i}"), Value(i));
                    break;
            }
        }

        private void Upkeep(int i)
        {
            _keys.RemoveExpired(8);
            _keys.CollectGarbage(8);
            if (i % 100 == 0)
            {
                _heap.Compact(TimeSpan.FromMicroseconds(50));
            }
        }

        private void ChangeObject(int i, int thread)
        {
            if (i % 8 == 7)
            {
                _heap.Free(_root.Value);
            }
            else
            {
                byte[] text = new byte[(i % 90) + 1];
                text.AsSpan().Fill((byte)(thread + 1));
                _heap.PutBytes(_root.Value, text);
            }
        }

        private void Open(int i)
        {
            _heap.OpenOrCreateRoot<long>("root" + (i % 20));
            PersistentDictionary.OpenOrCreate(_heap, i % 100 == 0 ? $"d{i / 100 % 5}" : "tally").Increment("n"u8);
            if (i % 100 != 0)
            {
                Interlocked.Increment(ref _counted);
            }
        }

        private void Group(int i)
        {
            using AtomicGroup group = _heap.BeginAtomic();
            _keys.Set(Key(i), Value(i));
            _tally.Increment("n"u8);
            _heap.PutBytes(_root.Value, new byte[(i % 90) + 1]);
            _keys.Remove(Key(i + 1));
            if (i % 3 != 0)
            {
                group.Commit();
                Interlocked.Increment(ref _counted);
            }
        }

        private static byte[] Key(int i) => BitConverter.GetBytes(i % Keys);

        private static byte[] Value(int i)
        {
            byte[] value = new byte[(i * 7 % 200) + 1];
            value.AsSpan().Fill((byte)value.Length);
            return value;
        }

        private static void AssertOneValue(ReadOnlySpan<byte> value)
        {
            byte length = (byte)value.Length;
            Assert.True(value.Length > 0 && value.IndexOfAnyExcept(length) < 0, "a record is torn");
        }

        /// <summary>Goes through the records, some buckets a turn.</summary>
        private sealed class Walk(PersistentDictionary keys)
        {
            private Whole _visitor;

            public ulong Cursor { get; private set; }

            public void Turn(int i)
            {
                Turn();
                if (i % 8 == 0)
                {
                    keys.TryVisitRandom(ref _visitor);
                }
            }

            public int Turn()
            {
                _visitor.Seen = 0;
                Cursor = keys.Scan(Cursor, 16, ref _visitor);
                return _visitor.Seen;
            }
        }

        private struct Whole : IRecordVisitor
        {
            public int Seen;

            public void Visit(in RecordView record)
            {
                AssertOneValue(record.Value);
                Seen++;
            }
        }
    }
}
