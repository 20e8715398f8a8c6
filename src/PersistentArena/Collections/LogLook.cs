namespace GuestMemFs.Collections;

/// <summary>What a search of a log came to.</summary>
internal enum LogLook
{
    /// <summary>Something on the way does not check: damage, where the log's version is what it was.</summary>
    Broken,

    /// <summary>There is no such entry.</summary>
    Nothing,

    /// <summary>There is one.</summary>
    Found,
}
