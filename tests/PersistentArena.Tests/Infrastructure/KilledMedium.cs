namespace GuestMemFs.Tests.Infrastructure;

/// <summary>
/// A medium whose process is killed at its n-th call: that call does nothing (or everything), and none after it does
/// anything. What was mapped by then has been stored to; that is what the next process finds.
/// </summary>
internal sealed class KilledMedium(Medium medium, int callsToLive, bool lastCallHappens) : Medium
{
    private int _left = callsToLive;

    /// <summary>Calls from now on, the last of which is cut.</summary>
    public int CallsToLive
    {
        set => _left = value;
    }

    public override string Name => medium.Name;

    public override string Location => medium.Location;

    public override MediumCapabilities Capabilities => medium.Capabilities;

    /// <summary>True once the process is gone.</summary>
    public bool IsKilled => _left <= 0;

    public override MediumSpace GetSpace() => Call(medium.GetSpace);

    public override IReadOnlyList<string> ListFiles() => Call(medium.ListFiles);

    public override MediumFile? TryOpenFile(string name, bool writable) =>
        Call(() => Wrap(medium.TryOpenFile(name, writable)));

    public override MediumFile CreateFile(string name, long length) =>
        Call(() => Wrap(medium.CreateFile(name, length))!);

    public override void DeleteFile(string name) => Call(() =>
    {
        medium.DeleteFile(name);
        return 0;
    });

    private KilledFile? Wrap(MediumFile? file) => file is null ? null : new KilledFile(this, file);

    private T Call<T>(Func<T> call)
    {
        if (IsKilled)
        {
            throw new KilledException();
        }

        if (--_left > 0)
        {
            return call();
        }

        if (lastCallHappens && call() is IDisposable file)
        {
            file.Dispose();
        }

        throw new KilledException();
    }

    private sealed class KilledFile(KilledMedium owner, MediumFile file) : MediumFile
    {
        public override string Name => file.Name;

        public override long Length => file.Length;

        public override bool IsWritable => file.IsWritable;

        public override void MapAt(nint address, long length, bool writable) =>
            Do(() => file.MapAt(address, length, writable));

        public override void Reserve(long offset, long length) => Do(() => file.Reserve(offset, length));

        public override bool TryLock() => owner.Call(file.TryLock);

        public override bool TryDiscard(long offset, long length) => owner.Call(() => file.TryDiscard(offset, length));

        protected override void Dispose(bool disposing)
        {
            file.Dispose();
            base.Dispose(disposing);
        }

        private void Do(Action action) => owner.Call(() =>
        {
            action();
            return 0;
        });
    }
}

/// <summary>The process is gone.</summary>
internal sealed class KilledException() : InvalidOperationException("killed");
