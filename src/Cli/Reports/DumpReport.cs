using GuestMemFs.Cli.Terminal;
using Spectre.Console;

namespace GuestMemFs.Cli.Reports;

/// <summary>A region was copied out or in.</summary>
/// <param name="Action">dump or restore.</param>
/// <param name="Region">Its name.</param>
/// <param name="File">The file.</param>
/// <param name="Length">The region's bytes.</param>
/// <param name="Copied">How many of them were copied; the rest is what a heap never handed out.</param>
/// <param name="FileLength">The file's bytes.</param>
/// <param name="Taken">When the dump was taken.</param>
/// <param name="BesideWriter">It was taken while a writer may have changed it: parts of it may be older than
/// others.</param>
/// <param name="PauseMilliseconds">How long the writer stood still for it; 0 where there was none.</param>
internal sealed record DumpReport(string Action, string Region, string File, long Length, long Copied, long FileLength,
    DateTimeOffset Taken, bool BesideWriter, double PauseMilliseconds) : Report
{
    public static DumpReport Of(string action, string region, string file, DumpInfo dump) => new(action, region, file,
        dump.Length, dump.Copied, dump.FileLength, dump.Taken, dump.IsTorn, dump.Pause.TotalMilliseconds);

    public override void Draw(IAnsiConsole console)
    {
        console.WriteLine(Action == "dump"
            ? $"Dumped region {Region}, {Sizes.Of(Length)}, to {File}, {Sizes.Of(FileLength)}."
            : $"Restored region {Region}, {Sizes.Of(Length)}, from {File}, taken {Taken:u}.");
        if (PauseMilliseconds > 0)
        {
            console.WriteLine($"Its writer stood still for {PauseMilliseconds:F0} ms.");
        }

        if (BesideWriter)
        {
            console.WriteLine("It was taken beside a writer: parts of it may be older than others.");
        }
    }
}
