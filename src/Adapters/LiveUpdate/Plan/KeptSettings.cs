namespace GuestMemFs.LiveUpdate;

/// <summary>An arena whose memory a holder has, and which the kernel keeps by its Live Update Orchestrator.</summary>
public sealed record KeptSettings
{
    /// <summary>Its name at the holder.</summary>
    public required string Name { get; init; }

    /// <summary>The socket of <c>gmfs hold</c>.</summary>
    public required string Holder { get; init; }

    /// <summary>As of a participant: after the services that write to it.</summary>
    public int Order { get; set; } = 20;

    /// <summary>For each step, in seconds.</summary>
    public double Deadline { get; set; } = 60;
}
