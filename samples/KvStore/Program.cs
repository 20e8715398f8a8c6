using KvStore.Demo;
using KvStore.Server;
using KvStore.Transfer;

return args switch
{
    ["--help" or "-h" or "help", ..] => Usage.Print(),
    ["--version", ..] => Usage.PrintVersion(),
    ["demo", ..] => DemoCommand.Run(args.AsSpan(1)),
    ["import" or "export", ..] => TransferCommand.Run(args),
    _ => ServerMain.Run(args),
};
