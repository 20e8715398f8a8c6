using System.Text.Json;

namespace GuestMemFs.VirtualMachines;

/// <summary>What QEMU said first.</summary>
/// <param name="Version">QEMU's, without the packager's suffix.</param>
/// <param name="Capabilities">What it offers ("oob").</param>
public sealed record QmpGreeting(Version Version, IReadOnlyList<string> Capabilities);

/// <summary>Something that happened in QEMU.</summary>
/// <param name="Name">Its name: "STOP", "MIGRATION".</param>
/// <param name="Data">What belongs to it; undefined where nothing does.</param>
/// <param name="Timestamp">When, by the host's wall clock, which may jump: not for measuring over a change of
/// kernels.</param>
/// <param name="Lost">How many events were dropped before this one, because they were not read in time.</param>
public sealed record QmpEvent(string Name, JsonElement Data, DateTimeOffset Timestamp, int Lost);
