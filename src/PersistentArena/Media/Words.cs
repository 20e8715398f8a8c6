using System.Globalization;

namespace GuestMemFs.Media;

/// <summary>Facts in words, for reports.</summary>
internal static class Words
{
    private static readonly string[] s_units = ["B", "KiB", "MiB", "GiB", "TiB", "PiB"];

    /// <summary>What content survives and what not.</summary>
    public static string Of(Survives survives)
    {
        string[] kept = [.. Kinds().Where(kind => survives.HasFlag(kind.Flag)).Select(kind => kind.Name)];
        string[] lost = [.. Kinds().Where(kind => !survives.HasFlag(kind.Flag)).Select(kind => kind.Name)];
        return kept.Length == 0 ? "survives nothing: gone with its last descriptor"
            : lost.Length == 0 ? "survives " + Join(kept, "and")
            : $"survives {Join(kept, "and")}, not {Join(lost, "or")}";
    }

    /// <summary>A number of bytes, rounded to a tenth.</summary>
    public static string OfBytes(long bytes)
    {
        double value = bytes;
        int unit = 0;
        while (value >= 1024 && unit < s_units.Length - 1)
        {
            value /= 1024;
            unit++;
        }

        return string.Create(CultureInfo.InvariantCulture, $"{value:0.#} {s_units[unit]}");
    }

    private static (Survives Flag, string Name)[] Kinds() =>
        [(Survives.ProcessExit, "the end of the process"), (Survives.Kexec, "a kexec"),
            (Survives.PowerLoss, "a loss of power (what was flushed)")];

    private static string Join(string[] words, string last) =>
        words.Length == 1 ? words[0] : string.Join(", ", words[..^1]) + $" {last} " + words[^1];
}
