using GuestMemFs.Format;
using GuestMemFs.ScheduleLab.Running;

namespace GuestMemFs.ScheduleLab.Seam;

/// <summary>In place of what is static in <see cref="StoreWatch"/>: a process has one, and here each schedule is a
/// process.</summary>
internal sealed class Watching
{
    [ThreadStatic]
    private static Watching? t_outside;

    public bool IsOn;

    public StoreWatcher[] All = [];

    /// <summary>That of this thread's process. A crash's next process has none that watches.</summary>
    public static Watching Now => Worker.Current?.Schedule.Watching ?? (t_outside ??= new Watching());

    public Lock Gate { get; } = new();

    /// <summary>Has the thread that prepares a schedule, and looks at its end, belong to its process.</summary>
    public static void Join(Watching process) => t_outside = process;
}
