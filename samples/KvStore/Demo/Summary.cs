namespace KvStore.Demo;

/// <summary>The table at the demo's end.</summary>
internal static class Summary
{
    public static void Write(Scene scene, Dataset data, WarmRestart ours, RedisReload? theirs)
    {
        scene.Say("");
        Row("", "KvStore", theirs is null ? "" : $"redis-server {theirs.Version}");
        Row($"load {data.Keys:N0} keys", Seconds(ours.Load), Seconds(theirs?.Load));
        Row("save, to restart from it", "not needed", Seconds(theirs?.Save));
        Row("restart to first right answer", Seconds(ours.Restart), Seconds(theirs?.Restart));
        Row("check every key and value", Seconds(ours.Verify), "");
        Row("memory a key", Bytes(ours.MemoryAKey), Bytes(theirs?.MemoryAKey));
        if (theirs is not null)
        {
            scene.Say($"\n   Back after SIGKILL {theirs.Restart / ours.Restart:N0} times as fast as redis-server " +
                "reloads, and with every acknowledged write.");
        }

        scene.Say(ours.AllRight ? ""
            : "\n   NOT every key was right. That is a defect; please report it with the lines above.");

        void Row(string what, string a, string b) => scene.Say($"   {what,-32}{a,14}{b,22}".TrimEnd());
    }

    private static string Bytes(double? bytes) => bytes is > 0 ? $"{bytes:0} bytes" : "";

    private static string Seconds(TimeSpan? time) =>
        time is not { } t ? "" : t.TotalSeconds < 1 ? $"{t.TotalSeconds:0.000} s" : $"{t.TotalSeconds:0.0} s";
}
