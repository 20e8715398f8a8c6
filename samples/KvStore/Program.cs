using KvStore.Demo;
using KvStore.Server;

// Before any socket exists: the thread that finds a socket readable runs its connection, and there is one such thread, as in Redis.
Environment.SetEnvironmentVariable("DOTNET_SYSTEM_NET_SOCKETS_INLINE_COMPLETIONS", "1");
Environment.SetEnvironmentVariable("DOTNET_SYSTEM_NET_SOCKETS_THREAD_COUNT", "1");

return args switch
{
    ["--help" or "-h" or "help", ..] => Usage.Print(),
    ["--version", ..] => Usage.PrintVersion(),
    ["demo", ..] => DemoCommand.Run(args.AsSpan(1)),
    _ => await ServerMain.RunAsync(args).ConfigureAwait(false),
};
