using KvStore.Protocol;

namespace KvStore.Scripts;

/// <summary>What scripts ask of the server.</summary>
internal interface IScriptCalls
{
    /// <summary>Where errors of commands are counted by their codes.</summary>
    ErrorCodes Codes { get; }

    /// <summary>Runs a command; its reply, or its error, is what the writer has then.</summary>
    void Call(Arguments args, RespWriter reply);

    /// <summary>Whether the caller may run a command; null where there is none of that name.</summary>
    bool? May(Arguments args);

    /// <summary>Lets others be served while a script runs for so long already; true where it is to stop.</summary>
    bool LetOthersIn(TimeSpan elapsed);

    /// <summary>A line for the server's log.</summary>
    void Log(string text);
}
