namespace GuestMemFs.Typed;

/// <summary>What this process knows of the table's indexes.</summary>
/// <param name="Indexes">Those that are declared.</param>
/// <param name="Missing">Those that are there and are not.</param>
/// <param name="Dropping">Those whose entries are being removed.</param>
internal sealed record DeclaredIndexes<TValue>(TableIndex<TValue>[] Indexes, string[] Missing, string[] Dropping)
{
    public DeclaredIndexes<TValue> With(TableIndex<TValue> index) => this with
    {
        Indexes = [.. Indexes.Where(it => it.Entry.Name != index.Entry.Name), index],
        Missing = [.. Missing.Where(it => it != index.Entry.Name)],
    };

    public DeclaredIndexes<TValue> Without(string name, bool isGone) => new(
        [.. Indexes.Where(it => it.Entry.Name != name)],
        [.. Missing.Where(it => it != name)],
        [.. Dropping.Where(it => it != name), .. isGone ? Array.Empty<string>() : [name]]);
}
