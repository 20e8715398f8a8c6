using System.Security.Cryptography;
using System.Text.Json;
using System.Text.Json.Serialization;
using GuestMemFs.LiveUpdate.Plan;

namespace GuestMemFs.LiveUpdate;

/// <summary>
/// What is to live through the next kexec, and into which kernel. Read from a file of JSON, and kept in the arena once
/// it is under way.
/// </summary>
/// <remarks>
/// What may be left out has setters, not initializers: the serializer sets every initializer, and a default would be
/// lost.
/// </remarks>
public sealed record LiveUpdatePlan
{
    /// <summary>
    /// The directory of the arena that holds the machines' memory and the plan itself; with <see cref="Holder"/>, its
    /// name there.
    /// </summary>
    public required string Arena { get; init; }

    /// <summary>
    /// The socket of the <c>gmfs hold</c> that has the arena's memory, which the kernel's Live Update Orchestrator then
    /// keeps; null where the arena is in a directory.
    /// </summary>
    public string? Holder { get; set; }

    /// <summary>The next kernel.</summary>
    public required KernelSettings Kernel { get; init; }

    /// <summary>How much of each machine's memory is compared.</summary>
    public FingerprintCoverage Fingerprint { get; set; } = FingerprintCoverage.Sampled;

    /// <summary>Virtual machines.</summary>
    public IReadOnlyList<MachineSettings> Machines { get; set; } = [];

    /// <summary>Databases and other programs, each with a <see cref="LiveUpdateEndpoint"/>.</summary>
    public IReadOnlyList<ServiceSettings> Services { get; set; } = [];

    /// <summary>Arenas in held memory, beside the plan's own.</summary>
    public IReadOnlyList<KeptSettings> Kept { get; set; } = [];

    /// <summary>The file it was read from; null where a program made it.</summary>
    [JsonIgnore]
    public string? File { get; private set; }

    /// <summary>
    /// SHA-256 of what the plan says, however its file is written: what an arena's journal knows a plan by.
    /// </summary>
    [JsonIgnore]
    public string Digest => Convert.ToHexStringLower(
        SHA256.HashData(JsonSerializer.SerializeToUtf8Bytes(this, PlanJson.Default.LiveUpdatePlan)));

    /// <summary>Without the programs: the journal holds data of an arena, and nothing is started by it.</summary>
    internal LiveUpdatePlan WithoutPrograms() => this with
    {
        Kernel = new KernelSettings { Image = Kernel.Image, Entry = Kernel.Entry },
        Machines = [.. Machines.Select(machine => machine with { Executable = string.Empty, Arguments = [] })],
    };

    /// <summary>Reads a plan's file.</summary>
    /// <param name="file">The file. It names programs that are started: nobody else may be able to change it.</param>
    /// <param name="trust">Whose it may be; root's and our own where nothing is said.</param>
    /// <exception cref="UntrustedOwnerException">Somebody else could have changed it.</exception>
    /// <exception cref="LiveUpdateException">It is no plan: with the place in the file.</exception>
    /// <exception cref="IOException">It cannot be read.</exception>
    public static LiveUpdatePlan Read(string file, PathTrust? trust = null)
    {
        ArgumentException.ThrowIfNullOrEmpty(file);
        using var stream = new FileStream((trust ?? PathTrust.Own).OpenFile(file), FileAccess.Read);
        try
        {
            LiveUpdatePlan plan = JsonSerializer.Deserialize(stream, PlanJson.Default.LiveUpdatePlan)
                ?? throw new LiveUpdateException($"{file} is no plan: it holds null.");
            plan.Check(file);
            plan.File = Path.GetFullPath(file);
            return plan;
        }
        catch (JsonException e)
        {
            throw new LiveUpdateException($"{file} is no plan: {e.Message}", e);
        }
    }

    private void Check(string file)
    {
        if (Machines.Count + Services.Count + Kept.Count == 0)
        {
            throw new LiveUpdateException(
                $"{file} names neither machines nor services nor kept arenas: there would be nothing to keep.");
        }

        if (Holder is not null && Kept.Any(kept => kept.Name == Arena))
        {
            throw new LiveUpdateException($"{file} names '{Arena}' as its own arena and among those that are kept " +
                "beside it: the plan's own is kept anyway.");
        }

        IEnumerable<string> names = Machines.Select(machine => machine.Name)
            .Concat(Services.Select(service => service.Name)).Concat(Kept.Select(kept => kept.Name));
        if (names.GroupBy(name => name, StringComparer.Ordinal).FirstOrDefault(group => group.Count() > 1) is { } twice)
        {
            throw new LiveUpdateException($"{file} names '{twice.Key}' twice: a name is a participant's alone.");
        }

        if (Machines.FirstOrDefault(machine => machine.Regions.Count == 0) is { } without)
        {
            throw new LiveUpdateException($"{file}: machine '{without.Name}' has no regions. Name the ones that are " +
                "its memory, in the order it was started with.");
        }
    }
}
