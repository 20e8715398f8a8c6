namespace KvStore.Engine;

/// <summary>Scripts or functions that are kept, and what they say of themselves.</summary>
internal interface IScriptFlags : IDisposable
{
    /// <summary>True where there is one of that name, and it says that it does not write.</summary>
    bool SaysNoWrites(string name);
}
