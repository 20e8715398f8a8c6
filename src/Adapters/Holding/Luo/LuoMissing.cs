namespace GuestMemFs.Holding;

/// <summary>Something that the Live Update Orchestrator needs and this machine does not have.</summary>
/// <param name="What">What is missing.</param>
/// <param name="Remedy">What to do.</param>
public readonly record struct LuoMissing(string What, string Remedy);
