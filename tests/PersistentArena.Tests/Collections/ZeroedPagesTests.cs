using GuestMemFs.Collections;
using GuestMemFs.Inspection;
using GuestMemFs.Tests.Infrastructure;

namespace GuestMemFs.Tests.Collections;

/// <summary>
/// What a filesystem that lost the blocks of freshly written files leaves: whole pages of zeros. They are refused or
/// read as nothing, and never without an end.
/// </summary>
public sealed class ZeroedPagesTests
{
    [Theory]
    [Trait("speed", "slow")]
    [InlineData(4 << 10)]
    [InlineData(64 << 10)]
    [InlineData(1 << 20)]
    public unsafe void Pages_of_zeros_are_refused_or_read_as_nothing_and_end(int size)
    {
        byte[] whole = Filled(out long used);
        for (int seed = 0; seed < 25; seed++)
        {
            var random = new Random(seed);
            using PlainSpace space = new(whole.Length);
            whole.CopyTo(new Span<byte>(space.Base, whole.Length));
            space.MarkFormatted();
            for (int i = random.Next(1, 8); i > 0; i--)
            {
                long at = random.NextInt64(used / size + 1) * size;
                new Span<byte>(space.Base + at, (int)Math.Min(size, whole.Length - at)).Clear();
            }

            Task work = Task.Factory.StartNew(() => Use(space), CancellationToken.None, TaskCreationOptions.LongRunning,
                TaskScheduler.Default);
            Assert.True(((IAsyncResult)work).AsyncWaitHandle.WaitOne(Patience.Limit), $"seed {seed}: no end");
            if (work.IsFaulted && work.Exception.InnerException is not ArenaException)
            {
                Assert.Fail($"seed {seed}: {work.Exception.InnerException}");
            }
        }
    }

    private static void Use(PlainSpace space)
    {
        PersistentHeap heap = PersistentHeap.Open(space);
        PersistentDictionary keys = PersistentDictionary.OpenOrCreate(heap, "keys");
        for (int i = 0; i < 20_000; i += 7)
        {
            Try(() => keys.Get(BitConverter.GetBytes(i)));
        }

        for (int i = 0; i < 3_000; i++)
        {
            Try(() => keys.Set(BitConverter.GetBytes(i * 5), new byte[i * 7919 % 3000]));
            Try(() => keys.Remove(BitConverter.GetBytes(i * 11)));
        }

        Try(() => HeapVerifier.Verify(heap, TestContext.Current.CancellationToken));
        Try(keys.Clear);
        Try(() => keys.CollectGarbage(int.MaxValue));
    }

    private static void Try(Action action)
    {
        try
        {
            action();
        }
        catch (ArenaException)
        {
            // Refused.
        }
    }

    private static unsafe byte[] Filled(out long used)
    {
        using PlainSpace space = new(32 << 20);
        PersistentHeap heap = PersistentHeap.Open(space);
        PersistentDictionary keys = PersistentDictionary.OpenOrCreate(heap, "keys");
        for (int i = 0; i < 20_000; i++)
        {
            keys.Set(BitConverter.GetBytes(i), new byte[100 + (i % 300)]);
        }

        used = heap.GetStatistics().Frontier;
        return new ReadOnlySpan<byte>(space.Base, 32 << 20).ToArray();
    }
}
