namespace GuestMemFs.Tests.Collections;

/// <summary>
/// Work that meets other work: on threads of its own, for those of the pool may all be busy until the other has ended.
/// </summary>
internal static class OwnThread
{
    public static Task Begin(Action work) => Task.Factory.StartNew(
        work, CancellationToken.None, TaskCreationOptions.LongRunning, TaskScheduler.Default);

    public static Task<T> Begin<T>(Func<T> work) => Task.Factory.StartNew(
        work, CancellationToken.None, TaskCreationOptions.LongRunning, TaskScheduler.Default);
}
