using System.Buffers.Binary;
using System.Diagnostics;
using System.Numerics;
using GuestMemFs.Inspection;

namespace GuestMemFs.Tests.Collections;

/// <summary>
/// A medium that has no more memory is asked a few times a second, whatever is written: each question costs many system
/// calls.
/// </summary>
public class FullMediumTests(ITestOutputHelper output)
{
    private const int MiB = 1 << 20;

    [Theory]
    [InlineData(100)]
    [InlineData(5_000)]
    [InlineData(300_000)]
    [Trait("speed", "slow")]
    public void Refused_writes_hardly_ask(int size)
    {
        using PlainSpace space = new(64 * MiB) { MediumRoom = 16 * MiB };
        PersistentDictionary keys = Full(space, size, out int count);

        int asked = Questions(space, () =>
        {
            for (int i = 0; i < 2_000; i++)
            {
                Assert.False(TrySet(keys, count + i, size));
            }
        });

        Assert.InRange(asked, 0, 4);
    }

    [Fact]
    [Trait("speed", "slow")]
    public void Writes_that_have_room_hardly_ask_though_the_table_cannot_grow()
    {
        const int size = 16;
        const int aheadOfDoubling = 366_000; // of 65,536 buckets, whose segments are no small blocks any more
        using PlainSpace space = new(64 * MiB);
        PersistentDictionary keys = PersistentDictionary.OpenOrCreate(PersistentHeap.Open(space), "keys");
        int count = 0;
        for (; count < aheadOfDoubling || count % 64 != 0 || BitOperations.IsPow2(Buckets(space)); count++)
        {
            Assert.True(TrySet(keys, count, size));
        }

        space.MediumRoom = 0; // in the midst of a doubling, which goes on with each sixteenth insert
        int next = count;
        while (space.MediumRefusals == 0)
        {
            Exchange();
        }

        int asked = Questions(space, () =>
        {
            for (int i = 0; i < 20_000; i++)
            {
                Exchange();
            }
        });

        Assert.InRange(asked, 0, 4);

        void Exchange()
        {
            Assert.True(keys.Remove(Key(next - count)));
            TrySet(keys, next++, size);
        }
    }

    [Fact]
    [Trait("speed", "slow")]
    public void The_table_grows_on_once_the_medium_has_memory()
    {
        const int size = 16;
        using PlainSpace space = new(64 * MiB) { MediumRoom = 8 * MiB };
        PersistentDictionary keys = Full(space, size, out int count);
        long buckets = Buckets(space);

        space.MediumRoom = long.MaxValue;
        Thread.Sleep(300);
        for (int i = 0; i < 4 * count; i++)
        {
            Assert.True(TrySet(keys, count + i, size));
        }

        Assert.InRange(Buckets(space), 4 * buckets, long.MaxValue);
    }

    private static long Buckets(PlainSpace space) =>
        HeapReader.Read(space.Reader()).Roots.Single().Dictionary!.Value.Buckets;

    private static PersistentDictionary Full(PlainSpace space, int size, out int count)
    {
        PersistentDictionary keys = PersistentDictionary.OpenOrCreate(PersistentHeap.Open(space), "keys");
        for (count = 0; TrySet(keys, count, size); count++)
        {
        }

        Assert.True(count > 20);
        return keys;
    }

    /// <summary>How often the medium refused while something was done, in a quarter of a second of it.</summary>
    private int Questions(PlainSpace space, Action action)
    {
        const double refusalMilliseconds = 250;
        int before = space.MediumRefusals;
        long start = Stopwatch.GetTimestamp();
        action();
        double quarters = 1 + (Stopwatch.GetElapsedTime(start).TotalMilliseconds / refusalMilliseconds);
        output.WriteLine($"{space.MediumRefusals - before} questions in {quarters:F1} quarters of a second");
        return (int)((space.MediumRefusals - before) / quarters);
    }

    private static byte[] Key(int key)
    {
        byte[] bytes = new byte[sizeof(int)];
        BinaryPrimitives.WriteInt32LittleEndian(bytes, key);
        return bytes;
    }

    private static bool TrySet(PersistentDictionary keys, int key, int size)
    {
        try
        {
            keys.Set(Key(key), new byte[size]);
            return true;
        }
        catch (ArenaOutOfSpaceException)
        {
            return false;
        }
    }
}
