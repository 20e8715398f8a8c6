using KvStore.Protocol;

namespace KvStore.Scripts;

/// <summary>What scripts ask of the server.</summary>
internal interface IScriptCalls
{
    /// <summary>Runs a command; its reply, or its error, is what the writer has then.</summary>
    void Call(Arguments args, RespWriter reply);

    /// <summary>A line for the server's log.</summary>
    void Log(string text);
}
