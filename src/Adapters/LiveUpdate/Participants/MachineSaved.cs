using GuestMemFs.LiveUpdate.Memory;

namespace GuestMemFs.LiveUpdate.Participants;

/// <summary>What is kept of a machine beside its memory.</summary>
/// <param name="State">Of its devices' state, in the state region.</param>
/// <param name="Memory">Of its regions, in their order.</param>
internal sealed record MachineSaved(MemoryFingerprint State, IReadOnlyList<MemoryFingerprint> Memory);
