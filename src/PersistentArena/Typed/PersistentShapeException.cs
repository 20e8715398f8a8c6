using GuestMemFs.Typed;

namespace GuestMemFs;

/// <summary>
/// A typed collection is there, and what it holds has another shape than asked for. Nothing was changed.
/// </summary>
public sealed class PersistentShapeException : ArenaException
{
    internal PersistentShapeException(string collection, string? found, string expected)
        : base(ReasonCodes.ShapeMismatch, Describe(collection, found, expected))
    {
        Collection = collection;
        Found = found;
        Expected = expected;
        Differences = found is null ? [] : ShapeDifferences.Between(found, expected);
    }

    /// <summary>The collection's name.</summary>
    public string Collection { get; }

    /// <summary>The shape that it has; null where it was made without types.</summary>
    public string? Found { get; }

    /// <summary>The shape that was asked for.</summary>
    public string Expected { get; }

    /// <summary>
    /// What became of the fields of a struct, or of the keys and values, a sentence each; empty where it was made
    /// without types, and where that is not known.
    /// </summary>
    public IReadOnlyList<string> Differences { get; }

    private static string Describe(string collection, string? found, string expected) => found is null
        ? $"Collection '{collection}' was made without types; asked for was {expected}. Nothing was changed. "
            + "Open it as PersistentDictionary, or use another name."
        : $"Collection '{collection}' holds {found}; asked for was {expected}. {WhatDiffers(found, expected)}"
            + "Nothing was changed. Convert it (PersistentMigrations), open it as what it is, or, where the serializer "
            + "reads the older bytes too, name the older shape in OlderShapes.";

    private static string WhatDiffers(string found, string expected) =>
        ShapeDifferences.Between(found, expected) is { Count: > 0 } differences
            ? $"What differs: {string.Join("; ", differences)}. " : "";
}
