using KvStore.Demo;

namespace GuestMemFs.Benchmarks.Servers;

/// <summary>A server of the comparison.</summary>
/// <param name="Program">How it is started.</param>
/// <param name="Kind">What can be asked of it.</param>
internal sealed record Candidate(ServerProgram Program, CandidateKind Kind)
{
    public string Name => Program.Name;

    /// <summary>
    /// The servers that are there: KvStore and what <c>benchmarks/servers/fetch</c> brought, else what is on PATH.
    /// </summary>
    public static IReadOnlyList<Candidate> Find(ComparisonOptions options)
    {
        var found = new List<Candidate>();
        Add(CandidateKind.KvStore, Path.Combine(options.Folder, "kvstore", "KvStore"),
            path => ServerProgram.KvStore(path, "--size", $"{options.ArenaSize >> 20}M"));
        Add(CandidateKind.Redis, Path.Combine(options.Folder, "redis-8.0", "redis-server"),
            path => ServerProgram.Redis(path));
        if (found.All(c => c.Kind != CandidateKind.Redis))
        {
            Add(CandidateKind.Redis, ServerProgram.Find("redis-server"), path => ServerProgram.Redis(path));
        }

        Add(CandidateKind.Garnet, Path.Combine(options.Folder, "garnet", "garnet-server"),
            path => Garnet(path, options));
        return [.. found.Where(c => options.Only.Count == 0 || options.Only.Contains(c.Name))];

        void Add(CandidateKind kind, string? path, Func<string, ServerProgram> program)
        {
            if (path is not null && File.Exists(path))
            {
                found.Add(new Candidate(program(path), kind));
            }
        }
    }

    // Its own defaults but for the room: an index of one bucket for eight keys or fewer, and a log that holds all in
    // memory.
    private static ServerProgram Garnet(string path, ComparisonOptions options) =>
        new("Garnet", path, (directory, port, _) =>
    [
        "--bind", "127.0.0.1",
        "--port", $"{port}",
        "--memory", $"{Math.Max(options.ArenaSize >> 20, 1024)}m",
        "--index",
        $"{Math.Max(128, (long)System.Numerics.BitOperations.RoundUpToPowerOf2((ulong)(options.Keys * 8)) >> 20)}m",
        "--checkpointdir", directory,
    ]);
}

internal enum CandidateKind
{
    KvStore,
    Redis,
    Garnet,
}
