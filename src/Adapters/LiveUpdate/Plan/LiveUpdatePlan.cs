using System.Text.Json;
using System.Text.Json.Serialization;

namespace GuestMemFs.LiveUpdate;

/// <summary>What is to live through the next kexec, and into which kernel. Read from a file of JSON, and kept in the arena once it is under way.</summary>
/// <remarks>What may be left out has setters, not initializers: the serializer sets every initializer, and a default would be lost.</remarks>
public sealed record LiveUpdatePlan
{
    /// <summary>The directory of the arena that holds the machines' memory and the plan itself; with <see cref="Holder"/>, its name there.</summary>
    public required string Arena { get; init; }

    /// <summary>The socket of the <c>gmfs hold</c> that has the arena's memory, which the kernel's Live Update Orchestrator then keeps; null where the arena is in a directory.</summary>
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

    /// <summary>Reads a plan's file.</summary>
    /// <exception cref="LiveUpdateException">It is no plan: with the place in the file.</exception>
    /// <exception cref="IOException">It cannot be read.</exception>
    public static LiveUpdatePlan Read(string file)
    {
        ArgumentException.ThrowIfNullOrEmpty(file);
        using FileStream stream = File.OpenRead(file);
        try
        {
            LiveUpdatePlan plan = JsonSerializer.Deserialize(stream, PlanJson.Default.LiveUpdatePlan) ?? throw new LiveUpdateException($"{file} is no plan: it holds null.");
            plan.Check(file);
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
            throw new LiveUpdateException($"{file} names neither machines nor services nor kept arenas: there would be nothing to keep.");
        }

        if (Holder is not null && Kept.Any(kept => kept.Name == Arena))
        {
            throw new LiveUpdateException($"{file} names '{Arena}' as its own arena and among those that are kept beside it: the plan's own is kept anyway.");
        }

        IEnumerable<string> names = Machines.Select(machine => machine.Name).Concat(Services.Select(service => service.Name)).Concat(Kept.Select(kept => kept.Name));
        if (names.GroupBy(name => name, StringComparer.Ordinal).FirstOrDefault(group => group.Count() > 1) is { } twice)
        {
            throw new LiveUpdateException($"{file} names '{twice.Key}' twice: a name is a participant's alone.");
        }

        if (Machines.FirstOrDefault(machine => machine.Regions.Count == 0) is { } without)
        {
            throw new LiveUpdateException($"{file}: machine '{without.Name}' has no regions. Name the ones that are its memory, in the order it was started with.");
        }
    }
}

/// <summary>The next kernel, and how it is entered.</summary>
public sealed record KernelSettings
{
    /// <summary>The file, as <c>/boot/vmlinuz-6.12</c>.</summary>
    public required string Image { get; init; }

    /// <summary>Its initial RAM disk; null for none.</summary>
    public string? Initrd { get; set; }

    /// <summary>Its command line; null for the running kernel's.</summary>
    public string? CommandLine { get; set; }

    /// <summary>Words behind the command line.</summary>
    public string? Append { get; set; }

    /// <summary>How it is entered.</summary>
    public KernelEntry Entry { get; set; }
}

/// <summary>How the next kernel is entered.</summary>
public enum KernelEntry
{
    /// <summary>As systemd does it where systemd runs, else directly.</summary>
    Auto = 0,

    /// <summary><c>systemctl kexec</c>: services are stopped and filesystems unmounted first.</summary>
    Systemctl = 1,

    /// <summary>At once, by reboot(2): nothing is stopped, and only what is flushed of ordinary filesystems is kept.</summary>
    Direct = 2,
}

/// <summary>A machine of QEMU's.</summary>
public sealed record MachineSettings
{
    /// <summary>Its name.</summary>
    public required string Name { get; init; }

    /// <summary>The regions that are its memory.</summary>
    public required IReadOnlyList<string> Regions { get; init; }

    /// <summary>Its monitor's socket.</summary>
    public required string Monitor { get; init; }

    /// <summary>The hypervisor.</summary>
    public string Executable { get; set; } = "qemu-system-x86_64";

    /// <summary>The machine: everything but its memory and its monitor.</summary>
    public IReadOnlyList<string> Arguments { get; set; } = [];

    /// <summary>Room for its devices' state in the arena, in bytes.</summary>
    public long StateSize { get; set; } = 16L << 20;

    /// <inheritdoc cref="ILiveUpdateParticipant.Order"/>
    public int Order { get; set; }

    /// <summary>For each step, in seconds.</summary>
    public double Deadline { get; set; } = 60;
}

/// <summary>A program that has a <see cref="LiveUpdateEndpoint"/>.</summary>
public sealed record ServiceSettings
{
    /// <summary>Its name.</summary>
    public required string Name { get; init; }

    /// <summary>Its endpoint's socket.</summary>
    public required string Socket { get; init; }

    /// <summary>As of a participant. Databases are saved last and go on first where nothing is said.</summary>
    public int Order { get; set; } = 10;

    /// <summary>For each step, in seconds.</summary>
    public double Deadline { get; set; } = 60;
}

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

/// <summary>How much of a memory a fingerprint covers.</summary>
public enum FingerprintCoverage
{
    /// <summary>4,096 pages of 4 KiB, spread over the whole, others in each plan: the same time for any size.</summary>
    Sampled = 0,

    /// <summary>Every byte: some seconds for each 100 GiB.</summary>
    Whole = 1,
}

/// <summary>Plans, and their records in the journal, as JSON.</summary>
[JsonSourceGenerationOptions(PropertyNamingPolicy = JsonKnownNamingPolicy.CamelCase, UseStringEnumConverter = true, ReadCommentHandling = JsonCommentHandling.Skip, AllowTrailingCommas = true, UnmappedMemberHandling = JsonUnmappedMemberHandling.Disallow, RespectNullableAnnotations = true)]
[JsonSerializable(typeof(LiveUpdatePlan))]
[JsonSerializable(typeof(PlanRecord))]
[JsonSerializable(typeof(MachineSaved))]
[JsonSerializable(typeof(EndpointRequest))]
[JsonSerializable(typeof(EndpointAnswer))]
internal sealed partial class PlanJson : JsonSerializerContext;
