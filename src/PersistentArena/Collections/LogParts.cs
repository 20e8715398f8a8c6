namespace GuestMemFs.Collections;

/// <summary>What works under a log's lock: its words, its end, its head, its part in groups.</summary>
internal sealed class LogParts
{
    public LogParts(LogMemory memory)
    {
        Memory = memory;
        Writer = new LogWriter(memory);
        Trimmer = new LogTrimmer(memory, Writer);
        Group = new LogGroup(memory, Writer, Trimmer);
        Positions = new LogPositions(memory);
    }

    public LogMemory Memory { get; }

    public LogWriter Writer { get; }

    public LogTrimmer Trimmer { get; }

    public LogGroup Group { get; }

    public LogPositions Positions { get; }
}
