using System.Buffers;
using GuestMemFs.Inspection;

namespace GuestMemFs.Tests.Collections;

public sealed class BytesTests
{
    [Fact]
    public void Random_ranges_equal_a_plain_array_over_crashes()
    {
        using PlainSpace first = new(32 << 20);
        PlainSpace space = first;
        PersistentBytes bytes = Open(space);
        MemoryStream model = new();
        Random random = new(24);
        for (int i = 0; i < 3_000; i++)
        {
            Change(random, bytes, model);
            byte[] found = new byte[random.Next(20_000)];
            Array.Fill(found, (byte)9); // zeros are to be read, not found
            long offset = random.Next(70_000);
            int count = bytes.Read(offset, found);
            byte[] all = model.ToArray();
            Assert.Equal((int)Math.Clamp(all.Length - offset, 0, found.Length), count);
            Assert.True(found.AsSpan(0, count).SequenceEqual(all.AsSpan((int)Math.Min(offset, all.Length), count)));
            if (i % 600 == 599)
            {
                PlainSpace after = space.Crash();
                (space == first ? null : space)?.Dispose();
                space = after;
                bytes = Open(space);
                AssertSame(model, bytes);
            }
        }

        (space == first ? null : space)?.Dispose();
    }

    [Fact]
    public void Holes_take_no_memory_and_read_as_zeros()
    {
        using PlainSpace space = new(8 << 20);
        PersistentBytes bytes = Open(space);

        bytes.Write(1L << 50, "end"u8);
        Assert.Equal((1L << 50) + 3, bytes.Length);
        Assert.InRange(bytes.RecordBytes, 1, 5_000);
        byte[] found = [1, 2, 3, 4, 5];
        Assert.Equal(5, bytes.Read((1L << 50) - 2, found));
        Assert.Equal("\0\0end"u8.ToArray(), found);
        bytes.SetLength((1L << 60) + 1);
        Assert.Equal((1L << 60) + 1, bytes.Length);
        Assert.Equal(1, bytes.Read(1L << 60, found));
        Assert.Equal(0, found[0]);
        bytes.SetLength(0);
        Assert.Equal((0, 0), (bytes.Length, bytes.RecordBytes));
        Assert.Throws<ArgumentOutOfRangeException>(() => bytes.Write(long.MaxValue, "xy"u8));
        Assert.Throws<ArgumentOutOfRangeException>(() => bytes.Write(-1, "xy"u8));
        bytes.Write(long.MaxValue - 1, "x"u8);
        Assert.Throws<ArgumentOutOfRangeException>(() => bytes.Append("x"u8));
        Assert.Equal(long.MaxValue, bytes.Length);
    }

    [Fact]
    public void What_was_cut_off_is_zeros_when_the_end_comes_back()
    {
        using PlainSpace space = new(8 << 20);
        PersistentBytes bytes = Open(space);
        bytes.Append(new byte[10_000].Select(_ => (byte)7).ToArray());

        bytes.SetLength(5_000);
        bytes.SetLength(10_000);

        ArrayBufferWriter<byte> all = new();
        Assert.Equal(10_000, bytes.Read(0, long.MaxValue, all));
        Assert.Equal(-1, all.WrittenSpan[..5_000].IndexOfAnyExcept((byte)7));
        Assert.Equal(-1, all.WrittenSpan[5_000..].IndexOfAnyExcept((byte)0));
    }

    [Fact]
    public void A_write_over_chunks_that_does_not_fit_changes_nothing()
    {
        using PlainSpace space = new(4 << 20);
        PersistentBytes bytes = Open(space);
        byte[] old = [.. Enumerable.Range(0, 1_000_000).Select(i => (byte)i)];
        bytes.Append(old);

        Assert.Throws<ArenaOutOfSpaceException>(() => bytes.Write(10, new byte[3_000_000]));
        Assert.Throws<ArenaOutOfSpaceException>(() => bytes.Append(new byte[4_000_000]));

        byte[] found = new byte[1_000_001];
        Assert.Equal(old.Length, bytes.Read(0, found));
        Assert.True(found.AsSpan(0, old.Length).SequenceEqual(old));
        Assert.Empty(HeapVerifier.Verify(HeapOf(space), TestContext.Current.CancellationToken));
    }

    [Fact]
    public void A_stream_reads_and_writes_where_it_is()
    {
        using PlainSpace space = new(8 << 20);
        PersistentBytes bytes = Open(space);
        using Stream stream = bytes.AsStream();
        byte[] text = [.. Enumerable.Range(0, 30_000).Select(i => (byte)(i * 7))];

        stream.Write(text, 0, text.Length);
        stream.Position = 4_000;
        byte[] part = new byte[200];
        stream.ReadExactly(part);
        Assert.Equal(text[4_000..4_200], part);
        Assert.Equal(29_900, stream.Seek(-100, SeekOrigin.End));
        Assert.Equal(100, stream.Read(new byte[500], 0, 500));
        Assert.Equal(0, stream.Read(part, 0, 1));
        stream.SetLength(10);
        Assert.Equal((10, 10), (stream.Length, bytes.Length));
        Assert.Throws<ArgumentOutOfRangeException>(() => stream.Seek(-11, SeekOrigin.End));
    }

    [Fact]
    public void A_stream_does_as_one_of_the_runtime_does()
    {
        using PlainSpace space = new(8 << 20);
        using Stream stream = Open(space).AsStream();
        using MemoryStream model = new();
        Random random = new(29);
        for (int i = 0; i < 2_000; i++)
        {
            (int what, long number) = (random.Next(6), random.Next(-3_000, 9_000));
            byte[] bytes = new byte[random.Next(1, 1_000)];
            random.NextBytes(bytes);
            Assert.Equal(Do(model, new byte[bytes.Length]), Do(stream, new byte[bytes.Length]));
            Assert.Equal((model.Position, model.Length), (stream.Position, stream.Length));

            string Do(Stream on, byte[] buffer)
            {
                try
                {
                    long answer = what switch
                    {
                        0 => on.Seek(number, SeekOrigin.Begin),
                        1 => on.Seek(number / 9, SeekOrigin.Current),
                        2 => on.Seek(number / -9, SeekOrigin.End),
                        3 => on.Position = number,
                        4 => on.Read(buffer, 0, buffer.Length),
                        _ => Write(on, bytes),
                    };
                    return $"{answer} {(what == 4 ? Convert.ToHexString(buffer.AsSpan(0, (int)answer)) : "")}";
                }
                catch (Exception e) when (e is ArgumentException or IOException)
                {
                    return "refused";
                }
            }
        }

        Assert.Throws<ArgumentException>(() => stream.Seek(0, (SeekOrigin)9));

        static long Write(Stream on, byte[] bytes)
        {
            on.Write(bytes);
            return bytes.Length;
        }
    }

    [Fact]
    public async Task Two_threads_append_one_behind_the_other()
    {
        using PlainSpace space = new(32 << 20);
        PersistentBytes bytes = Open(space);
        byte[][] pieces = [.. Enumerable.Range(0, 2).Select(i => Enumerable.Repeat((byte)(i + 1), 1_500).ToArray())];

        await Task.WhenAll(pieces.Select(piece => OwnThread.Begin(() =>
        {
            for (int i = 0; i < 1_000; i++)
            {
                byte[] found = new byte[piece.Length];
                bytes.Read(bytes.Append(piece), found);
                Assert.Equal(piece, found);
            }
        })));

        Assert.Equal(2 * 1_000 * 1_500, bytes.Length);
        Assert.Empty(HeapVerifier.Verify(HeapOf(space), TestContext.Current.CancellationToken));
    }

    private static PersistentHeap HeapOf(PlainSpace space) => s_heaps.TryGetValue(space, out PersistentHeap? heap)
        ? heap : throw new InvalidOperationException();

    private static readonly System.Runtime.CompilerServices.ConditionalWeakTable<PlainSpace, PersistentHeap> s_heaps =
        [];

    private static PersistentBytes Open(PlainSpace space)
    {
        PersistentHeap heap = PersistentHeap.Open(space);
        s_heaps.AddOrUpdate(space, heap);
        return PersistentBytes.OpenOrCreate(heap, "bytes");
    }

    private static void Change(Random random, PersistentBytes bytes, MemoryStream model)
    {
        byte[] part = new byte[random.Next(random.Next(4) == 0 ? 15_000 : 300)];
        random.NextBytes(part);
        switch (random.Next(5))
        {
            case 0 when model.Length < 60_000:
                Assert.Equal(model.Length, bytes.Append(part));
                model.Position = model.Length;
                model.Write(part);
                break;
            case 1 when random.Next(8) == 0:
                long length = random.Next(60_000);
                bytes.SetLength(length);
                model.SetLength(length);
                break;
            default:
                part = random.Next(10) == 0 ? [] : part;
                long offset = random.Next(80_000);
                long taken = part.Length == 0 ? bytes.RecordBytes : 0;
                bytes.Write(offset, part);
                if (part.Length > 0)
                {
                    model.Position = offset;
                    model.Write(part);
                }
                else
                {
                    Assert.Equal(taken, bytes.RecordBytes);
                }

                break;
        }

        Assert.Equal(model.Length, bytes.Length);
    }

    private static void AssertSame(MemoryStream model, PersistentBytes bytes)
    {
        ArrayBufferWriter<byte> all = new();
        bytes.Read(0, long.MaxValue, all);
        Assert.True(all.WrittenSpan.SequenceEqual(model.ToArray()), "the bytes differ");
    }
}
