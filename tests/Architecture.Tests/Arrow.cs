namespace GuestMemFs.Architecture;

/// <summary>A file uses what another file declares.</summary>
/// <param name="From">The file that uses it.</param>
/// <param name="To">The file that declares it.</param>
/// <param name="Name">The type or member.</param>
/// <param name="IsPublic">False where the name is an internal of its project.</param>
internal sealed record Arrow(string From, string To, string Name, bool IsPublic)
{
    public string FromFolder => Path.GetDirectoryName(From)!;

    public string ToFolder => Path.GetDirectoryName(To)!;
}
