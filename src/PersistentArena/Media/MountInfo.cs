using System.Globalization;
using System.Text;

namespace GuestMemFs.Media;

/// <summary>A line of /proc/self/mountinfo (see proc_pid_mountinfo(5)).</summary>
/// <param name="Id">The mount's id, the one that statx gives.</param>
/// <param name="Device">major:minor of the filesystem.</param>
/// <param name="Root">The directory of the filesystem that is mounted.</param>
/// <param name="MountPoint">Where.</param>
/// <param name="Options">Of this mount, comma-separated.</param>
/// <param name="FileSystem">The type.</param>
/// <param name="Source">What was mounted, as it was named.</param>
/// <param name="SuperOptions">Of the filesystem, comma-separated.</param>
internal sealed record MountInfo(
    ulong Id, string Device, string Root, string MountPoint, string Options, string FileSystem, string Source,
    string SuperOptions)
{
    private const string Table = "/proc/self/mountinfo";

    /// <summary>
    /// The mounts of this process's namespace, in the order they were made; empty where /proc is not there.
    /// </summary>
    public static IReadOnlyList<MountInfo> ReadAll()
    {
        try
        {
            return [.. File.ReadLines(Table).Select(Parse).OfType<MountInfo>()];
        }
        catch (IOException)
        {
            return [];
        }
        catch (UnauthorizedAccessException)
        {
            return [];
        }
    }

    /// <summary>The mount of that id, or null.</summary>
    public static MountInfo? Find(ulong id) => ReadAll().FirstOrDefault(mount => mount.Id == id);

    /// <summary>Reads a line; null where it is none.</summary>
    public static MountInfo? Parse(string line)
    {
        // 25 24 0:23 / /dev/shm rw,relatime shared:3 - tmpfs tmpfs rw,size=8k: any number of optional fields before the
        // dash.
        string[] fields = line.Split(' ');
        int dash = Array.IndexOf(fields, "-", Math.Min(6, fields.Length));
        if (dash < 0 || fields.Length < dash + 4
            || !ulong.TryParse(fields[0], NumberStyles.None, CultureInfo.InvariantCulture, out ulong id))
        {
            return null;
        }

        return new MountInfo(id, fields[2], Decode(fields[3]), Decode(fields[4]), fields[5], fields[dash + 1],
            Decode(fields[dash + 2]), fields[dash + 3]);
    }

    /// <summary>True where the mount or its filesystem has the option.</summary>
    public bool Has(string option) => Split().Contains(option);

    /// <summary>The value of an option such as <c>huge=always</c>, or null.</summary>
    public string? Value(string option) =>
        Split().Where(o => o.StartsWith(option + "=", StringComparison.Ordinal)).Select(o => o[(option.Length + 1)..])
            .FirstOrDefault();

    private IEnumerable<string> Split() => Options.Split(',').Concat(SuperOptions.Split(','));

    // The kernel writes space, tab, newline and backslash as \ and three octal digits, of bytes.
    private static string Decode(string field)
    {
        if (!field.Contains('\\', StringComparison.Ordinal))
        {
            return field;
        }

        ReadOnlySpan<byte> bytes = Encoding.UTF8.GetBytes(field);
        var decoded = new List<byte>(bytes.Length);
        for (int i = 0; i < bytes.Length; i++)
        {
            bool escape = bytes[i] == '\\' && i + 3 < bytes.Length && IsOctal(bytes.Slice(i + 1, 3));
            decoded.Add(escape
                ? (byte)(((bytes[i + 1] - '0') << 6) | ((bytes[i + 2] - '0') << 3) | (bytes[i + 3] - '0')) : bytes[i]);
            i += escape ? 3 : 0;
        }

        return Encoding.UTF8.GetString([.. decoded]);
    }

    private static bool IsOctal(ReadOnlySpan<byte> digits) => digits.IndexOfAnyExceptInRange((byte)'0', (byte)'7') < 0;
}
