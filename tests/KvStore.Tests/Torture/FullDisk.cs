using KvStore.Demo;
using KvStore.Tests.Infrastructure;

namespace KvStore.Tests.Torture;

/// <summary>
/// The arena may grow far beyond its medium, a small tmpfs, and another file on it takes and leaves all the room there
/// is while the server is at work, and while it starts. A store to memory that the medium cannot give would end the
/// server by SIGBUS; it must answer <c>-OOM</c>, and go on.
/// </summary>
internal sealed class FullDisk(string huge) : Trouble
{
    private const int Block = 256 << 10;
    private readonly byte[] _block = new byte[Block];
    private readonly TemporaryMount _mount = new("tmpfs", $"size=12m,huge={huge}");

    public override string Name => $"full disk (tmpfs, huge={huge})";

    public override ServerProgram Program => TestServer.Program("512M");

    public override string Place => _mount.Path;

    public override bool IsTight => true;

    /// <summary>How often the medium was filled to the last byte.</summary>
    public int Fillings { get; private set; }

    private string Filler => Path.Combine(_mount.Path, "filler");

    public override void Pass(TimeSpan duration, ServerProcess server, Random random)
    {
        for (int i = 0; i < 4; i++)
        {
            if (random.Next(3) > 0)
            {
                Fill();
            }
            else
            {
                Leave(random);
            }

            Wait(duration * 0.25);
        }
    }

    public override void BeforeStart(Random random)
    {
        if (random.Next(2) == 0)
        {
            Fill();
        }
        else if (random.Next(2) == 0)
        {
            Leave(random);
        }
    }

    public override void Dispose()
    {
        _mount.Dispose();
        base.Dispose();
    }

    private void Fill()
    {
        using FileStream file = new(Filler, FileMode.Append, FileAccess.Write, FileShare.None, bufferSize: 0);
        for (int size = Block; size >= 4096;)
        {
            try
            {
                file.Write(_block, 0, size);
            }
            catch (IOException)
            {
                size /= 4; // It may still have room for less.
            }
        }

        Fillings++;
    }

    private void Leave(Random random)
    {
        using FileStream file = new(Filler, FileMode.OpenOrCreate);
        file.SetLength((long)(file.Length * random.NextDouble()));
    }
}
