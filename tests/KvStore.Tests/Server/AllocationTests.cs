using System.IO.Pipelines;
using System.Text;
using KvStore.Engine;
using KvStore.Protocol;
using KvStore.Server;
using KvStore.Session;
using KvStore.Tests.Infrastructure;

namespace KvStore.Tests.Server;

/// <summary>
/// A command on the hot path allocates nothing: not the parser, not the table, not the dictionary, not the reply.
/// </summary>
public sealed class AllocationTests
{
    [Theory]
    [InlineData("SET key:000000012345 xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx")]
    [InlineData("GET key:000000012345")]
    [InlineData("INCR counter")]
    [InlineData("MSET a 1 b 2 c 3")]
    [InlineData("MGET a b c d")]
    [InlineData("SET t v EX 100")]
    [InlineData("EXPIRE a 100")]
    [InlineData("TTL a")]
    [InlineData("APPEND app \"\"")]
    [InlineData("EXISTS a b")]
    [InlineData("DEL a b nothing")]
    [InlineData("PING")]
    public void Commands_allocate_nothing(string line)
    {
        using var directory = new TemporaryDirectory();
        // On a busy machine any command may take long, and the slow log would keep it.
        var options = new ServerOptions { ArenaDirectory = directory.Path, Size = 64 << 20, SlowerThan = -1 };
        using Keyspace keyspace = Keyspace.Open(options);
        using var server = new KvServer(options, keyspace);
        Assert.Equal(0, Measure(server.Engine, line));
    }

    /// <summary>Bytes allocated by thousands of runs, after as many to warm up.</summary>
    private static long Measure(KvEngine engine, string line)
    {
        const int Rounds = 300;
        const int Depth = 16;
        string[] args = Commands.CommandLines.Split(line);
        string frame = $"*{args.Length}\r\n" + string.Concat(args.Select(a => $"${a.Length}\r\n{a}\r\n"));
        byte[] buffer = Encoding.ASCII.GetBytes(string.Concat(Enumerable.Repeat(frame, Depth)));
        var sink = new Sink();
        var session = new ClientSession(1, new RespWriter(sink), new RequestParser(engine.Options.Protocol))
        {
            User = engine.Users.Default,
        };
        var runner = new BatchRunner(engine);
        long before = 0;
        for (int i = -Rounds; i < Rounds; i++)
        {
            if (i == 0)
            {
                before = GC.GetAllocatedBytesForCurrentThread();
            }

            lock (engine.Gate)
            {
                int consumed = runner.Run(session, buffer, out _);
                session.Reply.Commit();
                if (consumed != buffer.Length || session.Reply.Errors > 0)
                {
                    throw new InvalidOperationException($"{line} was not run.");
                }
            }

            sink.Drop();
        }

        return GC.GetAllocatedBytesForCurrentThread() - before;
    }

    private sealed class Sink : PipeWriter
    {
        private readonly byte[] _block = GC.AllocateArray<byte>(1 << 16, pinned: true);
        private int _used;

        public override bool CanGetUnflushedBytes => true;

        public override long UnflushedBytes => _used;

        public void Drop() => _used = 0;

        public override void Advance(int bytes) => _used += bytes;

        public override Memory<byte> GetMemory(int sizeHint = 0) => _block.AsMemory(_used);

        public override Span<byte> GetSpan(int sizeHint = 0) => _block.AsSpan(_used);

        public override void CancelPendingFlush() => throw new NotSupportedException();

        public override void Complete(Exception? exception = null) => Drop();

        public override ValueTask<FlushResult> FlushAsync(CancellationToken cancellationToken = default) => default;
    }
}
