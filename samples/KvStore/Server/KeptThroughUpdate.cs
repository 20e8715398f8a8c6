using System.Globalization;
using GuestMemFs;
using GuestMemFs.LiveUpdate;
using KvStore.Engine;

namespace KvStore.Server;

/// <summary>
/// The server in a live update: the commands that have arrived are finished, the next ones wait in their sockets, and
/// the arena stands still until the kernel is another. Nothing is written anywhere: the keys are where they are.
/// </summary>
internal sealed class KeptThroughUpdate : ILiveUpdateParticipant, IDisposable
{
    private readonly KvEngine _engine;
    private readonly PersistentArena _arena;
    private readonly long _keysAtAttach;
    private Hold? _hold;

    public KeptThroughUpdate(KvEngine engine, PersistentArena arena, long keysAtAttach)
    {
        _engine = engine;
        _arena = arena;
        _keysAtAttach = keysAtAttach;
    }

    public string Name => "kvstore";

    public Task PrepareAsync(CancellationToken cancellation) => Task.CompletedTask;

    public Task<string> SaveAsync(CancellationToken cancellation)
    {
        _hold ??= new Hold(_engine);
        long keys = _engine.Databases.KeyCount;
        return Task.FromResult(string.Create(CultureInfo.InvariantCulture, $"{_arena.Id} {keys}"));
    }

    public Task FreezeAsync(CancellationToken cancellation)
    {
        _arena.Freeze();
        return Task.CompletedTask;
    }

    public Task VerifyAsync(string saved, CancellationToken cancellation)
    {
        string found = string.Create(CultureInfo.InvariantCulture, $"{_arena.Id} {_keysAtAttach}");
        return found == saved
            ? Task.CompletedTask
            : throw new InvalidOperationException(
                $"it attached to arena and keys '{found}', and '{saved}' were saved. {_arena.AttachReport}");
    }

    // it serves since it attached
    public Task ResumeAsync(string saved, CancellationToken cancellation) => Task.CompletedTask;

    public Task AbortAsync(string? saved, CancellationToken cancellation)
    {
        if (_arena.IsFrozen)
        {
            _arena.Thaw();
        }

        _hold?.Release(close: false);
        _hold = null;
        return Task.CompletedTask;
    }

    /// <summary>The server ends: who waits is not served any more.</summary>
    public void Dispose()
    {
        _hold?.Release(close: true);
        _hold = null;
    }

    /// <summary>Keeps the engine's gate, which is a thread's, on a thread of its own.</summary>
    private sealed class Hold
    {
        private readonly TaskCompletionSource _held = new();
        private readonly TaskCompletionSource<bool> _released = new();
        private readonly Thread _thread;

        public Hold(KvEngine engine)
        {
            _thread = new Thread(() => Run(engine)) { IsBackground = true, Name = "live update" };
            _thread.Start();
            _held.Task.Wait();
        }

        public void Release(bool close)
        {
            _released.SetResult(close);
            _thread.Join();
        }

        private void Run(KvEngine engine)
        {
            lock (engine.Gate)
            {
                _held.SetResult();
                if (_released.Task.Result)
                {
                    engine.Close();
                }
            }
        }
    }
}
