namespace GuestMemFs.KernelLab.Guest;

/// <summary>
/// The kernel's command line: the lab's own words (<c>lab.NAME=VALUE</c>), and the one for the next kernel.
/// </summary>
internal sealed class CommandLine
{
    private readonly string[] _words;

    private CommandLine(string[] words) => _words = words;

    public static CommandLine Current { get; } = new(
        File.ReadAllText("/proc/cmdline").Split((char[])[' ', '\n'], StringSplitOptions.RemoveEmptyEntries));

    /// <summary>The value of <c>lab.NAME=</c>, or null.</summary>
    public string? Find(string name) => _words.LastOrDefault(word =>
        word.StartsWith($"lab.{name}=", StringComparison.Ordinal))?[$"lab.{name}=".Length..];

    public string Get(string name) => Find(name) ?? throw new ScenarioException($"the command line has no lab.{name}=");

    /// <summary>What follows in each word that begins so.</summary>
    public IEnumerable<string> Words(string prefix) =>
        _words.Where(word => word.StartsWith(prefix, StringComparison.Ordinal)).Select(word => word[prefix.Length..]);

    public long Number(string name) => long.Parse(Get(name), System.Globalization.CultureInfo.InvariantCulture);

    /// <summary>
    /// The same for the next kernel, with another stage. The memory under test is in it: a kexec hands on the
    /// firmware's map of memory, not the one that this kernel's <c>memmap=</c> made.
    /// </summary>
    /// <param name="stage">Its number.</param>
    /// <param name="change">Changes a word, or gives null to leave it out.</param>
    public string ForStage(int stage, Func<string, string?> change) => string.Join(' ', _words
        .Where(word => !word.StartsWith("lab.stage=", StringComparison.Ordinal)
            && !word.StartsWith("BOOT_IMAGE=", StringComparison.Ordinal)
            && !word.StartsWith("elfcorehdr=", StringComparison.Ordinal))
        .Select(change)
        .OfType<string>()
        .Append(FormattableString.Invariant($"lab.stage={stage}")));
}
