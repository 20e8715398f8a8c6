using KvStore.Demo;

namespace KvStore.Tests.Infrastructure;

/// <summary>
/// A redis-server and the server under test, which are told the same: the cases of a class talk with one pair in turn,
/// and each finds it empty. After a difference the next case has a new pair.
/// </summary>
public sealed class ServerPair : IDisposable
{
    private RunningServer? _redis;
    private RunningServer? _own;
    private string[] _options = [];

    /// <summary>Fails where the two do not say the same.</summary>
    /// <param name="talk">Talks with one of them, and gives what it said.</param>
    /// <param name="options">Options that both are started with.</param>
    internal void Compare(Func<RunningServer, string> talk, params string[] options)
    {
        if (!_options.SequenceEqual(options))
        {
            Dispose();
        }

        _options = options;
        _redis ??= new RunningServer(ServerProgram.Redis(Tool.Require("redis-server"), options));
        _own ??= options is [] ? TestServer.Start("64M")
            : new RunningServer(ServerProgram.KvStore(TestServer.KvStorePath, ["--size", "64M", .. options]));
        bool isGood = false;
        try
        {
            Assert.Equal(talk(_redis), talk(_own));
            SharedServer.Empty(_redis);
            SharedServer.Empty(_own);
            isGood = true;
        }
        finally
        {
            if (!isGood)
            {
                Dispose();
            }
        }
    }

    public void Dispose()
    {
        _redis?.Dispose();
        _own?.Dispose();
        _redis = _own = null;
    }
}
