using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Hosting;

namespace GuestMemFs.Tests.Hosting;

/// <summary>Copies of a registered arena's heap: taken while the host runs, restored where the heap is lost.</summary>
public sealed class HeapBackupTests : IDisposable
{
    private readonly ArenaDirectory _directory = new();

    private string BackupFile => _directory["backup"];

    public void Dispose() => _directory.Dispose();

    [Fact]
    public async Task A_heap_that_is_lost_comes_back_as_it_was_copied_and_the_log_says_what_is_gone()
    {
        await Live("first", 1);
        Lose();
        using TestHost host = Host();
        await host.Host.StartAsync(TestContext.Current.CancellationToken);
        Assert.Equal("value of first"u8.ToArray(), host.Get<PersistentDictionary>().Get("first"u8));
        Assert.Contains(host.Log, line => line.StartsWith("Information 5206", StringComparison.Ordinal)
            && line.EndsWith("100 % of the heap are restored.", StringComparison.Ordinal));
        Assert.Single(host.Log, line => line.StartsWith("Warning 5204", StringComparison.Ordinal)
            && line.Contains(BackupFile, StringComparison.Ordinal));
    }

    [Fact]
    public async Task A_heap_that_is_there_is_left_as_it_is()
    {
        await Live("first", 1);
        await Live("second", 0);
        using TestHost host = Host();
        await host.Host.StartAsync(TestContext.Current.CancellationToken);
        Assert.NotNull(host.Get<PersistentDictionary>().Get("second"u8));
        Assert.DoesNotContain(host.Log, line => line.StartsWith("Warning 5204", StringComparison.Ordinal));
    }

    [Fact]
    public async Task Where_nothing_is_to_be_restored_a_lost_heap_is_empty()
    {
        await Live("first", 1);
        Lose();
        using TestHost host = Host(o => o.RestoreLostHeap = false);
        await host.Host.StartAsync(TestContext.Current.CancellationToken);
        Assert.Equal(0, host.Get<PersistentDictionary>().Count);
    }

    [Fact]
    public async Task The_older_copy_is_taken_where_the_newest_is_damaged_and_the_start_fails_where_all_are()
    {
        await Live("first", 2);
        Damage(BackupFile);
        Lose();
        using (TestHost host = Host())
        {
            await host.Host.StartAsync(TestContext.Current.CancellationToken);
            Assert.NotNull(host.Get<PersistentDictionary>().Get("first"u8));
            Assert.Single(host.Log, line => line.StartsWith("Error 5205", StringComparison.Ordinal));
            await host.Host.StopAsync(TestContext.Current.CancellationToken);
        }

        Damage(BackupFile + ".1");
        Lose();
        using TestHost refused = Host();
        await Assert.ThrowsAsync<DumpDamagedException>(() =>
            refused.Host.StartAsync(TestContext.Current.CancellationToken));
    }

    [Fact]
    public async Task A_copy_that_cannot_be_taken_is_told_and_the_host_goes_on()
    {
        using TestHost host = Host(o =>
        {
            o.BackupFile = _directory["missing/backup"];
            o.BackupEvery = TimeSpan.FromMilliseconds(20);
        });
        await host.Host.StartAsync(TestContext.Current.CancellationToken);
        await Until(host, "Error 5203", 2);
        host.Get<PersistentDictionary>().Set("k"u8, "v"u8);
        await host.Host.StopAsync(TestContext.Current.CancellationToken);
    }

    [Fact]
    public async Task A_heap_whose_arena_and_files_are_lost_comes_back_from_the_command()
    {
        await Live("first", 0);
        using (TestHost host = Host(o => WithCommand(o, TimeSpan.FromMilliseconds(20), restores: false)))
        {
            await host.Host.StartAsync(TestContext.Current.CancellationToken);
            await Until(host, "Information 5202", 2);
            await host.Host.StopAsync(TestContext.Current.CancellationToken);
        }

        Lose();
        foreach (string file in (string[])[BackupFile, BackupFile + ".1"])
        {
            File.Delete(file);
        }

        using TestHost next = Host(o => WithCommand(o, TimeSpan.Zero, restores: true));
        await next.Host.StartAsync(TestContext.Current.CancellationToken);
        Assert.NotNull(next.Get<PersistentDictionary>().Get("first"u8));
    }

    [Fact]
    public async Task Commands_that_cannot_be_fail_the_start()
    {
        using TestHost host = Host(o => o.BackupCommand.Add("tee"));
        var e = await Assert.ThrowsAsync<Microsoft.Extensions.Options.OptionsValidationException>(() =>
            host.Host.StartAsync(TestContext.Current.CancellationToken));
        Assert.Contains("BackupCommand begins with 'tee'; it must begin with the absolute path of a program.",
            e.Message, StringComparison.Ordinal);
        using TestHost half = Host(o => o.BackupCommand.Add("/usr/bin/tee"));
        await Assert.ThrowsAsync<ArgumentException>(() =>
            half.Host.StartAsync(TestContext.Current.CancellationToken));
    }

    private void WithCommand(PersistentArenaOptions options, TimeSpan every, bool restores)
    {
        options.BackupEvery = every;
        options.RestoreLostHeap = restores;
        foreach (string word in (string[])["/usr/bin/tee", _directory["slot-{slot}"]])
        {
            options.BackupCommand.Add(word);
        }

        foreach (string word in (string[])["/bin/cat", _directory["slot-{slot}"]])
        {
            options.RestoreCommand.Add(word);
        }
    }

    // A life in which a key is set, and then so many copies are taken.
    private async Task Live(string key, int copies)
    {
        using TestHost host = Host(o =>
            o.BackupEvery = copies > 0 ? TimeSpan.FromMilliseconds(20) : TimeSpan.Zero);
        await host.Host.StartAsync(TestContext.Current.CancellationToken);
        byte[] name = System.Text.Encoding.UTF8.GetBytes(key);
        host.Get<PersistentDictionary>().Set(name, System.Text.Encoding.UTF8.GetBytes($"value of {key}"));

        // The one that is under way may have begun before the key was set.
        await Until(host, "Information 5202", copies == 0 ? 0 : Taken(host, "Information 5202") + copies + 1);
        await host.Host.StopAsync(TestContext.Current.CancellationToken);
    }

    private TestHost Host(Action<PersistentArenaOptions>? configure = null) => new(
        _directory["arena"],
        services => services.AddPersistentArena(o =>
        {
            o.BackupFile = BackupFile;
            configure?.Invoke(o);
        }).AddPersistentDictionary("d"));

    // One that was under way as the host stopped may be whole, and is the newest then.
    private void Lose()
    {
        File.Delete(BackupFile + ".new");
        Directory.Delete(_directory["arena"], recursive: true);
    }

    private static void Damage(string file)
    {
        byte[] bytes = File.ReadAllBytes(file);
        bytes[bytes.Length / 2] ^= 0x10;
        File.WriteAllBytes(file, bytes);
    }

    private static int Taken(TestHost host, string begins) =>
        host.Log.Count(line => line.StartsWith(begins, StringComparison.Ordinal));

    private static async Task Until(TestHost host, string begins, int count)
    {
        for (int i = 0; i < 3_000 && Taken(host, begins) < count; i++)
        {
            await Task.Delay(10, TestContext.Current.CancellationToken);
        }

        Assert.True(Taken(host, begins) >= count, string.Join('\n', host.Log));
    }
}
