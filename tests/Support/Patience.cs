namespace GuestMemFs.Support;

/// <summary>
/// How long a test waits for what must come. A busy machine takes its time; only a failure waits for all of it.
/// </summary>
public static class Patience
{
    public static readonly TimeSpan Limit = TimeSpan.FromMinutes(1);
}
