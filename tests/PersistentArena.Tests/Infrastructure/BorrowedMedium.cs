namespace GuestMemFs.Tests.Infrastructure;

/// <summary>
/// A medium whose disposal leaves the real one alone: for media that live in an object, and must outlive an arena that
/// disposes its own.
/// </summary>
internal sealed class BorrowedMedium(Medium medium) : Medium
{
    public override string Name => medium.Name;

    public override string Location => medium.Location;

    public override MediumCapabilities Capabilities => medium.Capabilities;

    public override MediumSpace GetSpace() => medium.GetSpace();

    public override IReadOnlyList<string> ListFiles() => medium.ListFiles();

    public override string? PathOf(string name) => medium.PathOf(name);

    public override MediumFile? TryOpenFile(string name, bool writable) => medium.TryOpenFile(name, writable);

    public override MediumFile CreateFile(string name, long length) => medium.CreateFile(name, length);

    public override void DeleteFile(string name) => medium.DeleteFile(name);

    public override void Flush(nint address, long length) => medium.Flush(address, length);
}
