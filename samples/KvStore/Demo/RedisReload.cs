namespace KvStore.Demo;

/// <summary>The comparison: redis-server with the same keys, saved to its RDB file and started again.</summary>
internal sealed record RedisReload(string Version, TimeSpan Load, TimeSpan Save, TimeSpan Restart, double MemoryAKey)
{
    public static RedisReload Play(string executable, Dataset data, Scene scene)
    {
        scene.Say("\n5  The same keys in redis-server, reloaded from its RDB file");
        string directory = Directory.CreateTempSubdirectory("kvstore-demo-redis-").FullName;
        scene.AtEnd(() => Directory.Delete(directory, recursive: true));
        ServerProgram program = ServerProgram.Redis(executable);
        ServerProcess server = scene.Start(program, directory);
        server.WaitUntilReady();
        TimeSpan load = WarmRestart.LoadInto(server, data, scene);

        string version = ServerFacts.Ask(server, "server").Find("redis_version") ?? "";
        double memory = (double)ServerFacts.Ask(server, "memory").Number("used_memory") / data.Keys;
        TimeSpan save;
        using (var client = RespClient.Connect(server.TcpEndPoint, TimeSpan.FromMinutes(10)))
        {
            ProgressBar clock = scene.Progress("", 1);
            RespReply saved = client.Call("SAVE");
            save = clock.Elapsed;
            if (saved.IsError)
            {
                throw new InvalidOperationException($"redis-server could not save: {saved.Text}");
            }
        }

        server.Kill();
        server = scene.Start(program, directory);
        var expected = new byte[data.ValueLength];
        TimeSpan restart = WarmRestart.FirstRightAnswer(server, data, (index, value) =>
        {
            data.Value(index, 0, expected);
            return value.SequenceEqual(expected);
        });
        scene.Say($"   saved in {save.TotalSeconds:0.0} s; the first right answer " +
            $"came {restart.TotalSeconds:0.000} s " +
            "after the start");
        server.Kill();
        return new RedisReload(version, load, save, restart, memory);
    }
}
