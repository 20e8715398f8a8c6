using KvStore.Demo;
using KvStore.Server;

return args switch
{
    ["--help" or "-h" or "help", ..] => Usage.Print(),
    ["--version", ..] => Usage.PrintVersion(),
    ["demo", ..] => DemoCommand.Run(args.AsSpan(1)),
    _ => ServerMain.Run(args),
};
