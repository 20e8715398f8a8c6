using System.Collections.Concurrent;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Hosting;
using Microsoft.Extensions.Logging;

namespace GuestMemFs.Tests.Hosting;

/// <summary>
/// A real host over a directory of shared memory; several may follow one another on the same directory.
/// </summary>
internal sealed class TestHost : IDisposable, ILoggerProvider
{
    public const long HeapSize = 16L << 20;

    private readonly ConcurrentQueue<string> _log = new();

    public TestHost(string directory, Action<IServiceCollection> configure, params string[] arguments)
    {
        HostApplicationBuilder builder = Microsoft.Extensions.Hosting.Host.CreateApplicationBuilder(arguments);
        builder.Logging.ClearProviders().AddProvider(this);
        builder.Services.ConfigureAll<PersistentArenaOptions>(o =>
        {
            o.Directory = directory;
            o.HeapSize = HeapSize;
        });
        configure(builder.Services);
        Host = builder.Build();
    }

    public IHost Host { get; }

    public IServiceProvider Services => Host.Services;

    public IReadOnlyCollection<string> Log => _log;

    public T Get<T>(string? name = null)
        where T : notnull => name is null ? Services.GetRequiredService<T>()
            : Services.GetRequiredKeyedService<T>(name);

    public void Dispose() => Host.Dispose();

    ILogger ILoggerProvider.CreateLogger(string categoryName) => new Logger(categoryName, _log);

    private sealed class Logger(string category, ConcurrentQueue<string> log) : ILogger
    {
        public IDisposable? BeginScope<TState>(TState state)
            where TState : notnull => null;

        public bool IsEnabled(LogLevel logLevel) => category.StartsWith("GuestMemFs", StringComparison.Ordinal);

        public void Log<TState>(LogLevel logLevel, EventId eventId, TState state, Exception? exception,
            Func<TState, Exception?, string> formatter)
        {
            if (IsEnabled(logLevel))
            {
                log.Enqueue($"{logLevel} {eventId.Id} {formatter(state, exception)}");
            }
        }
    }
}

/// <summary>A fresh directory in shared memory, deleted with its content.</summary>
internal sealed class ArenaDirectory : IDisposable
{
    public string Path { get; } =
        Directory.CreateDirectory(System.IO.Path.Combine(Directory.Exists("/dev/shm") ? "/dev/shm"
            : System.IO.Path.GetTempPath(), $"gmf-host-{Guid.NewGuid():N}")).FullName;

    public string this[string name] => System.IO.Path.Combine(Path, name);

    public void Dispose() => Directory.Delete(Path, recursive: true);
}
