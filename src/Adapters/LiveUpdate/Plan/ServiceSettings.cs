namespace GuestMemFs.LiveUpdate;

/// <summary>A program that has a <see cref="LiveUpdateEndpoint"/>.</summary>
public sealed record ServiceSettings
{
    /// <summary>Its name.</summary>
    public required string Name { get; init; }

    /// <summary>Its endpoint's socket.</summary>
    public required string Socket { get; init; }

    /// <summary>The user it runs as, by name or number; null where that is root or the plan's own.</summary>
    public string? User { get; set; }

    /// <summary>As of a participant. Databases are saved last and go on first where nothing is said.</summary>
    public int Order { get; set; } = 10;

    /// <summary>For each step, in seconds.</summary>
    public double Deadline { get; set; } = 60;
}
