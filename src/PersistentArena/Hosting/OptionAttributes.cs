using System.ComponentModel.DataAnnotations;
using System.Globalization;

namespace GuestMemFs.Hosting;

/// <summary>
/// A number of bytes within limits, a multiple of 4 KiB. The message names the option, the value and the limit that it
/// broke.
/// </summary>
[AttributeUsage(AttributeTargets.Property)]
internal sealed class ByteSizeAttribute(long minimum, long maximum) : ValidationAttribute
{
    private const long Multiple = 4096;

    public long Minimum => minimum;

    public long Maximum => maximum;

    protected override ValidationResult? IsValid(object? value, ValidationContext validationContext)
    {
        long bytes = (long)value!;
        return bytes < minimum ? Failure($"at least {Text(minimum)}")
            : bytes > maximum ? Failure($"at most {Text(maximum)}")
            : bytes % Multiple != 0 ? Failure($"a multiple of {Text(Multiple)}")
            : ValidationResult.Success;

        ValidationResult Failure(string limit) =>
            new($"{validationContext.DisplayName} is {Text(bytes)}; it must be {limit}.");
    }

    // 2097152 bytes (2 MiB)
    private static string Text(long bytes)
    {
        int unit = 0;
        long count = bytes;
        for (; count != 0 && count % 1024 == 0 && unit < 4; unit++)
        {
            count /= 1024;
        }

        string[] names = ["", "KiB", "MiB", "GiB", "TiB"];
        string exact = string.Create(CultureInfo.InvariantCulture, $"{bytes} bytes");
        return unit == 0 ? exact : string.Create(CultureInfo.InvariantCulture, $"{exact} ({count} {names[unit]})");
    }
}

/// <summary>A path, where there is one. The message names the option and shows the value.</summary>
/// <param name="must">What it must be.</param>
[AttributeUsage(AttributeTargets.Property)]
internal abstract class PathAttribute(string must) : ValidationAttribute
{
    protected override ValidationResult? IsValid(object? value, ValidationContext validationContext) => value switch
    {
        string path when string.IsNullOrWhiteSpace(path) || path.Contains('\0', StringComparison.Ordinal) =>
            new($"{validationContext.DisplayName} is '{path.Replace("\0", "\\0", StringComparison.Ordinal)}'; "
                + $"it must {must}."),
        _ => ValidationResult.Success,
    };
}

/// <summary>A directory's path, where there is one.</summary>
internal sealed class DirectoryPathAttribute()
    : PathAttribute("be a directory's path, or left out for the best medium that is there");

/// <summary>A file's path, where there is one.</summary>
internal sealed class FilePathAttribute() : PathAttribute("be a file's path, or left out for none");

/// <summary>A time that is not negative, and at most a day. The message names the option and shows the value.</summary>
[AttributeUsage(AttributeTargets.Property)]
internal sealed class DurationAttribute : ValidationAttribute
{
    private static readonly TimeSpan s_longest = TimeSpan.FromDays(1);

    protected override ValidationResult? IsValid(object? value, ValidationContext validationContext) =>
        value is TimeSpan time && (time < TimeSpan.Zero || time > s_longest)
            ? new($"{validationContext.DisplayName} is {time:c}; it must be between 00:00:00 and 1.00:00:00.")
            : ValidationResult.Success;
}

/// <summary>The words of a command, where there is one. The message shows its program.</summary>
[AttributeUsage(AttributeTargets.Property)]
internal sealed class CommandWordsAttribute : ValidationAttribute
{
    protected override ValidationResult? IsValid(object? value, ValidationContext validationContext) =>
        value is IList<string> and [var program, ..] && !Path.IsPathFullyQualified(program)
            ? new($"{validationContext.DisplayName} begins with '{program}'; it must begin with the absolute path of "
                + "a program.")
            : ValidationResult.Success;
}
