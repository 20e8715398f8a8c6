using System.Globalization;
using System.Text;
using GuestMemFs;
using GuestMemFs.Heap;
using KvStore.Demo;
using KvStore.Tests.Infrastructure;

namespace KvStore.Tests.Torture;

/// <summary>
/// Another process at the arena of a server that is under load, killed and started again: as a writer it is refused for
/// as long as the server lives, as a reader it sees what was acknowledged, whole.
/// </summary>
[Trait("speed", "slow")]
public sealed class OnlookerTests(ITestOutputHelper output)
{
    private const int Kills = 40;
    private const int Keys = 64;
    private readonly long[] _acknowledged = new long[Keys];
    private readonly Lock _attach = new();
    private volatile bool _alive;

    [Fact]
    public async Task A_second_writer_is_refused_and_a_reader_sees_whole_records_while_the_server_is_killed()
    {
        Assert.SkipWhen(TestServer.IsRedis, "redis-server has no arena.");
        int seed = TortureRun.Setting("GMF_TORTURE_SEED", Random.Shared.Next());
        output.WriteLine($"seed {seed}");
        var random = new Random(seed);
        using RunningServer server = TestServer.Start("64M");
        using var stop = new CancellationTokenSource();
        _alive = true;
        Task<(int Refused, int Opened)> intruder = OnThread(() => Intrude(server.DataDirectory, stop.Token));
        Task<(long Reads, long Opens)> reader = OnThread(() => Look(server.DataDirectory, stop.Token));
        try
        {
            for (int kill = 0; kill < Kills && !intruder.IsCompleted && !reader.IsCompleted; kill++)
            {
                Task load = OnThread(() => Load(server, random.Next()));
                Trouble.Wait(TimeSpan.FromMilliseconds(random.Next(20, 200)));
                _alive = false;
                server.Process.Kill();
                Assert.Equal(137, server.Process.ExitCode);
                await load;
                await Task.Delay(random.Next(0, 30), CancellationToken.None); // The intruder's chance.
                lock (_attach)
                {
                    server.Restart();
                    _alive = true;
                }
            }
        }
        finally
        {
            await stop.CancelAsync();
            await Task.WhenAll(intruder, reader);
        }

        (int refused, int opened) = await intruder;
        (long reads, long opens) = await reader;
        output.WriteLine(string.Create(CultureInfo.InvariantCulture,
            $"SIGKILL, beside onlookers: {Kills} kills survived; {refused:N0} writers refused, {opened:N0} let in " +
            $"while there was none; {reads:N0} whole records read in {opens:N0} openings; {_acknowledged.Sum():N0} " +
            $"acknowledged operations"));
        TortureTotals.Add("beside onlookers",
            new TortureCounts { KillsUnderLoad = Kills, KillsInFlight = Kills, Acknowledged = _acknowledged.Sum() });
        Assert.True(refused > Kills && opened > 0 && opens > Kills && reads > 1_000,
            "Too little was looked at to prove anything.");
    }

    // Sets the keys in turn, each with the next number, and notes what is acknowledged.
    private void Load(RunningServer server, int seed)
    {
        var random = new Random(seed);
        try
        {
            using RespClient client = server.Connect();
            while (true)
            {
                int key = random.Next(Keys);
                long number = _acknowledged[key] + 1;
                client.Add("SET", Name(key), Value(key, number, random));
                client.Flush();
                client.ReadOk();
                Volatile.Write(ref _acknowledged[key], number);
            }
        }
        catch (Exception e) when (e is System.Net.Sockets.SocketException or EndOfStreamException)
        {
            // Killed, as wanted.
        }
    }

    private (int Refused, int Opened) Intrude(string directory, CancellationToken stop)
    {
        int refused = 0, opened = 0;
        while (!stop.IsCancellationRequested)
        {
            lock (_attach)
            {
                bool alive = _alive;
                try
                {
                    using PersistentArena arena = PersistentArena.Open(new ArenaOptions { Directory = directory });
                    Assert.False(alive && _alive, "A second writer was let in beside a living one.");
                    opened++;
                }
                catch (ArenaInUseException)
                {
                    refused++;
                }
            }

            Thread.Sleep(2);
        }

        return (refused, opened);
    }

    private (long Reads, long Opens) Look(string directory, CancellationToken stop)
    {
        long reads = 0, opens = 0;
        while (!stop.IsCancellationRequested)
        {
            using PersistentArena arena = PersistentArena.Open(
                new ArenaOptions { Directory = directory, Access = ArenaAccess.ReadOnly });
            using PersistentRegion region = arena.OpenRegion("kvstore", RegionKind.Heap);
            var keys = PersistentDictionary.OpenOrCreate(PersistentHeap.Open(region), "keys");
            opens++;
            for (int i = 0; i < 20 && !stop.IsCancellationRequested; i++)
            {
                for (int key = 0; key < Keys; key++)
                {
                    long acknowledged = Volatile.Read(ref _acknowledged[key]);
                    byte[]? value = keys.Get(Encoding.ASCII.GetBytes(Name(key)));
                    if (value is null)
                    {
                        Assert.True(acknowledged == 0,
                            $"Key {key}: {acknowledged} writes are acknowledged, and it is not there.");
                        continue;
                    }

                    Assert.True(IsWhole(value, key, out long number),
                        $"Key {key}: a torn record of {value.Length} bytes.");
                    Assert.True(number >= acknowledged,
                        $"Key {key}: write {acknowledged} is acknowledged, and write {number} is read.");
                    reads++;
                }
            }
        }

        return (reads, opens);
    }

    private static string Name(int key) => $"onlooker:{key}";

    // The number, the key, and a byte that follows from both as often as the length says, so that a mixture of any two
    // shows.
    private static byte[] Value(int key, long number, Random random)
    {
        var value = new byte[16 + random.Next(random.Next(4) == 0 ? 60_000 : 500)];
        BitConverter.TryWriteBytes(value, number);
        BitConverter.TryWriteBytes(value.AsSpan(8), key);
        BitConverter.TryWriteBytes(value.AsSpan(12), value.Length);
        value.AsSpan(16).Fill(Filling(key, number));
        return value;
    }

    private static bool IsWhole(byte[] value, int key, out long number)
    {
        number = value.Length < 16 ? 0 : BitConverter.ToInt64(value);
        return number > 0
            && BitConverter.ToInt32(value, 8) == key
            && BitConverter.ToInt32(value, 12) == value.Length
            && !value.AsSpan(16).ContainsAnyExcept(Filling(key, number));
    }

    private static byte Filling(int key, long number) => (byte)((number * 31) + key);

    private static Task<T> OnThread<T>(Func<T> work) =>
        Task.Factory.StartNew(work, CancellationToken.None, TaskCreationOptions.LongRunning, TaskScheduler.Default);

    private static Task OnThread(Action work) =>
        Task.Factory.StartNew(work, CancellationToken.None, TaskCreationOptions.LongRunning, TaskScheduler.Default);
}
