namespace KvStore.Engine;

/// <summary>A file whose first line is a password, which then stands in no list of processes.</summary>
internal static class PasswordFile
{
    /// <summary>Reads it; what is wrong, or null. No path has no password.</summary>
    public static string? Read(string path, out string password)
    {
        password = "";
        if (path.Length == 0)
        {
            return null;
        }

        try
        {
            using StreamReader file = File.OpenText(path);
            password = file.ReadLine() ?? "";
            return password.Length > 0 ? null : "the file's first line is empty";
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException or ArgumentException
            or NotSupportedException)
        {
            return e.Message;
        }
    }
}
