using System.Threading.Tasks.Sources;

namespace KvStore.Transport;

/// <summary>
/// Who awaits a pipe: at most one, on the event loop's thread, which goes on inside of <see cref="Complete"/>.
/// </summary>
/// <remarks>
/// What ManualResetValueTaskSourceCore does for any thread and any result. That one is compiled for each result at
/// start, which takes longer than all it does.
/// </remarks>
internal struct Waiter
{
    private Action<object?>? _continuation;
    private object? _state;

    /// <summary>True from <see cref="Begin"/> to <see cref="Complete"/>.</summary>
    public bool IsWaiting { get; private set; }

    public readonly ValueTaskSourceStatus Status =>
        IsWaiting ? ValueTaskSourceStatus.Pending : ValueTaskSourceStatus.Succeeded;

    public void Begin() => IsWaiting = true;

    public void OnCompleted(Action<object?> continuation, object? state)
    {
        if (!IsWaiting)
        {
            continuation(state);
            return;
        }

        _continuation = continuation;
        _state = state;
    }

    /// <summary>Lets the one who waits go on; it may wait again when this returns.</summary>
    public void Complete()
    {
        if (!IsWaiting)
        {
            return;
        }

        IsWaiting = false;
        (Action<object?>? continuation, object? state) = (_continuation, _state);
        _continuation = null;
        _state = null;
        continuation?.Invoke(state);
    }
}
