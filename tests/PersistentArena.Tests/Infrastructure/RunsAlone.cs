namespace GuestMemFs.Tests;

/// <summary>Tests that look at the whole process's memory: no other one runs beside them.</summary>
[CollectionDefinition(nameof(RunsAlone), DisableParallelization = true)]
public sealed class RunsAlone;
