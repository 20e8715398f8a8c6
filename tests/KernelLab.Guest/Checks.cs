namespace GuestMemFs.KernelLab.Guest;

/// <summary>
/// The module's own test programs, which print <c>ok NAME</c> or <c>FAIL NAME reason</c> for each check.
/// </summary>
internal static class Checks
{
    /// <summary>What runs scripts.</summary>
    public const string Script = "sh";

    /// <summary>Runs one; tells how many checks were passed, and throws with those that were not.</summary>
    public static void Run(Stage stage, string program, params string[] arguments)
    {
        (int code, string text) = Shell.Try(program, arguments);
        string[] lines = text.Split('\n');
        int passed = lines.Count(line => line.StartsWith("ok ", StringComparison.Ordinal));
        string failed = string.Join("; ", lines.Where(line => line.StartsWith("FAIL", StringComparison.Ordinal)));
        stage.Host.Tell($"checks {Path.GetFileName(program == Script ? arguments[0] : program)}", $"{passed}");
        Stage.Check(code == 0 && failed.Length == 0 && passed > 0,
            $"{program} {string.Join(' ', arguments)} ended with {code}, {passed} checks " +
            $"passed: {(failed.Length > 0 ? failed : string.Join(" | ", lines.TakeLast(5)))}");
    }
}
