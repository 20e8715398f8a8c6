namespace KvStore.Commands;

/// <summary>A script that was compiled, or a function.</summary>
/// <param name="Name">The digest of its text, or the function's name.</param>
/// <param name="ReadOnly">True where it says that it does not write.</param>
/// <param name="NamesDatabases">True where it may use others than its caller's.</param>
internal sealed record Script(string Name, bool ReadOnly, bool NamesDatabases)
{
    /// <summary>The handle of the function's library; null for a script.</summary>
    public string? Library { get; init; }

    /// <summary>True where its flags say all that it may do: it is a function, or begins with <c>#!lua</c>.</summary>
    public bool IsFlagged { get; init; }

    /// <summary>True where it may write though the keys take more than they may.</summary>
    public bool AllowsOom { get; init; }
}
