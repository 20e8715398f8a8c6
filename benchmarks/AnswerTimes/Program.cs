using System.Diagnostics;
using StackExchange.Redis;

// A client for benchmarks/answers, of default options, or set to come back soon: asks one GET after the other. For each
// line that it reads it writes the longest time between two answers since the last line, in milliseconds, and how many
// calls failed.
ConfigurationOptions options = ConfigurationOptions.Parse($"127.0.0.1:{args[0]}");
if (args is [_, "set"])
{
    options.AbortOnConnectFail = false;
    options.ReconnectRetryPolicy = new LinearRetry(50);
    options.HeartbeatInterval = TimeSpan.FromMilliseconds(100);
}

ConnectionMultiplexer connection = await ConnectionMultiplexer.ConnectAsync(options);
IDatabase database = connection.GetDatabase();
long last = Stopwatch.GetTimestamp();
long longest = 0;
int failed = 0;
_ = Task.Run(() =>
{
    while (Console.ReadLine() is not null)
    {
        double milliseconds = Stopwatch.GetElapsedTime(0, Interlocked.Exchange(ref longest, 0)).TotalMilliseconds;
        Console.WriteLine(FormattableString.Invariant($"{milliseconds:0.0} {Interlocked.Exchange(ref failed, 0)}"));
    }

    Environment.Exit(0);
});

while (true)
{
    try
    {
        _ = await database.StringGetAsync("key");
        long now = Stopwatch.GetTimestamp();
        longest = Math.Max(Interlocked.Read(ref longest), now - last);
        last = now;
    }
    catch (RedisException)
    {
        Interlocked.Increment(ref failed);
        await Task.Delay(1);
    }
}
