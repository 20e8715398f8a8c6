using GuestMemFs.LiveUpdate.Journal;

namespace GuestMemFs.LiveUpdate.Participants;

/// <summary>What an endpoint is asked, a line of JSON each.</summary>
internal enum EndpointCall
{
    /// <summary>Which arena is yours?</summary>
    Hello,

    /// <summary>Make regions in your arena, which only you can.</summary>
    Make,

    /// <inheritdoc cref="ILiveUpdateParticipant.PrepareAsync"/>
    Prepare,

    /// <inheritdoc cref="ILiveUpdateParticipant.SaveAsync"/>
    Save,

    /// <inheritdoc cref="ILiveUpdateParticipant.FreezeAsync"/>
    Freeze,

    /// <summary>The next kernel is entered: from here on the end of the connection means nothing.</summary>
    Enter,

    /// <inheritdoc cref="ILiveUpdateParticipant.VerifyAsync"/>
    Verify,

    /// <inheritdoc cref="ILiveUpdateParticipant.ResumeAsync"/>
    Resume,

    /// <inheritdoc cref="ILiveUpdateParticipant.AbortAsync"/>
    Abort,
}

/// <summary>A question.</summary>
internal sealed record EndpointRequest
{
    public required EndpointCall Call { get; init; }

    public string? Saved { get; init; }

    public IReadOnlyList<NeededRegion>? Regions { get; init; }
}

/// <summary>Its answer: an error, or what the call returns.</summary>
internal sealed record EndpointAnswer
{
    public string? Error { get; init; }

    public Guid? Arena { get; init; }

    public string? Saved { get; init; }
}
