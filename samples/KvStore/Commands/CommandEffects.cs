using System.Text;
using KvStore.Engine;
using KvStore.Protocol;
using KvStore.Session;

namespace KvStore.Commands;

/// <summary>What a command with its arguments means to others, before it runs.</summary>
internal static class CommandEffects
{
    private const int LongestName = 64 * 1024;

    public static QueuedEffects Of(KvEngine engine, Command command, Arguments args) =>
        (command.MayWrite ? QueuedEffects.Changes : 0)
        | (command.Has(CommandFlags.Write) ? QueuedEffects.Writes : 0)
        | (command.IsOfData ? QueuedEffects.OfData : 0)
        | (command.Has(CommandFlags.DenyOom) ? QueuedEffects.DeniesOom : 0)
        | (WaitsInPause(engine, command, args) ? QueuedEffects.WaitsInPause : 0);

    /// <summary>
    /// True where it may send replicas something: it writes, publishes, may keep a count in the value that it reads, or
    /// runs a script that does not say that it does not write.
    /// </summary>
    public static bool WaitsInPause(KvEngine engine, Command command, Arguments args) =>
        command.Has(CommandFlags.Write)
        || command.Name switch
        {
            "publish" or "spublish" or "pfcount" => true,
            "eval" => ScriptHeader.TryRead(args[1], out ScriptHeader header) is not null || !header.NoWrites,
            "evalsha" => engine.Scripts?.SaysNoWrites(NameIn(args)) != true,
            "fcall" => engine.Functions?.SaysNoWrites(NameIn(args)) != true,
            _ => false,
        };

    private static string NameIn(Arguments args) =>
        Encoding.Latin1.GetString(args[1].Length > LongestName ? default : args[1]).ToLowerInvariant();
}
