using System.Text.Json;
using GuestMemFs.LiveUpdate.Journal;
using GuestMemFs.LiveUpdate.Memory;
using GuestMemFs.VirtualMachines;

namespace GuestMemFs.LiveUpdate.Participants;

/// <summary>
/// A machine of QEMU's. It is stopped, its devices are saved into a region of the arena, its memory is fingerprinted
/// where it lies, and QEMU ends. Under the next kernel the fingerprints are compared, and only then another QEMU starts
/// on the memory.
/// </summary>
internal sealed class MachineParticipant(MachineSettings settings, PlanArena arena, FingerprintCoverage coverage,
    Guid plan) : ILiveUpdateParticipant
{
    public string Name => settings.Name;

    public int Order => settings.Order;

    public TimeSpan Deadline => TimeSpan.FromSeconds(settings.Deadline);

    private string StateRegion => PlanArena.StateRegion(settings.Name);

    public async Task PrepareAsync(CancellationToken cancellationToken)
    {
        await using VirtualMachine machine = await FindAsync(cancellationToken).ConfigureAwait(false)
            ?? throw NotThere();
        JsonElement migration = await machine.Monitor.ExecuteAsync("query-migrate",
            cancellationToken: cancellationToken).ConfigureAwait(false);
        if (migration.TryGetProperty("blocked-reasons", out JsonElement reasons) && reasons.GetArrayLength() > 0)
        {
            throw new LiveUpdateException($"Machine '{Name}' has a device that cannot be " +
                $"saved: {string.Join("; ", reasons.EnumerateArray().Select(reason => reason.GetString()))} Start " +
                "it without.");
        }

        await CheckMemoryAsync(machine, cancellationToken).ConfigureAwait(false);
    }

    public async Task<string> SaveAsync(CancellationToken cancellationToken)
    {
        await using VirtualMachine machine = await FindAsync(cancellationToken).ConfigureAwait(false)
            ?? throw NotThere();
        if (await machine.GetStatusAsync(cancellationToken).ConfigureAwait(false) == "postmigrate")
        {
            // It was saved, and who saved it was killed before it could say so. QEMU saves no machine twice without its
            // having run.
            await machine.ResumeAsync(cancellationToken).ConfigureAwait(false);
        }

        using PersistentRegion region = arena.Reader.BorrowRegion(StateRegion);
        long length = await machine.SaveStateAsync(new RegionStream(region, region.Length),
            cancellationToken).ConfigureAwait(false);
        try
        {
            var saved = new MachineSaved(
                MemoryFingerprint.Of(region, length, FingerprintCoverage.Whole, 0, cancellationToken),
                [.. settings.Regions.Select(name =>
                    OfMemory(name, region => MemoryFingerprint.Of(region, region.Length, coverage,
                        BitConverter.ToUInt64(plan.ToByteArray()), cancellationToken)))]);
            return JsonSerializer.Serialize(saved, ParticipantJson.Default.MachineSaved);
        }
        catch
        {
            await machine.ResumeAsync(CancellationToken.None).ConfigureAwait(false);
            throw;
        }
    }

    public async Task FreezeAsync(CancellationToken cancellationToken)
    {
        await using VirtualMachine? machine = await FindAsync(cancellationToken).ConfigureAwait(false);
        if (machine is not null)
        {
            await machine.QuitAsync(cancellationToken).ConfigureAwait(false);
        }
    }

    public Task VerifyAsync(string saved, CancellationToken cancellationToken)
    {
        MachineSaved kept = Read(saved);
        using (PersistentRegion state = arena.Reader.OpenRegion(StateRegion, RegionKind.Raw))
        {
            if (kept.State.Again(state, cancellationToken) != kept.State)
            {
                throw new LiveUpdateException($"Machine '{Name}' is not started: the state of its " +
                    $"devices, {kept.State.Length} bytes in region '{StateRegion}', is not what was saved. " +
                    "Its memory " +
                    "is where it was; start it anew, or from a backup.");
            }
        }

        foreach ((string name, MemoryFingerprint memory) in settings.Regions.Zip(kept.Memory))
        {
            if (OfMemory(name, region => memory.Again(region, cancellationToken)) != memory)
            {
                throw new LiveUpdateException($"Machine '{Name}' is not started: its memory, region '{name}', is not " +
                    "what it was when it was saved. Look whether the next kernel kept its range apart; the region is " +
                    "left as it is.");
            }
        }

        return Task.CompletedTask;
    }

    public async Task ResumeAsync(string saved, CancellationToken cancellationToken)
    {
        if (await FindAsync(cancellationToken).ConfigureAwait(false) is { } there)
        {
            // Who restored it was killed before it could say so.
            await using (there)
            {
                if (await there.GetStatusAsync(cancellationToken).ConfigureAwait(false) == "running")
                {
                    return;
                }

                await there.QuitAsync(cancellationToken).ConfigureAwait(false);
            }
        }

        using PersistentRegion state = arena.Reader.OpenRegion(StateRegion, RegionKind.Raw);
        await using VirtualMachine machine = await VirtualMachine.RestoreAsync(Options(),
            new RegionStream(state, Read(saved).State.Length), cancellationToken).ConfigureAwait(false);
        await machine.ResumeAsync(cancellationToken).ConfigureAwait(false);
    }

    public async Task AbortAsync(string? saved, CancellationToken cancellationToken)
    {
        if (await FindAsync(cancellationToken).ConfigureAwait(false) is { } there)
        {
            await using (there)
            {
                if (await there.GetStatusAsync(cancellationToken).ConfigureAwait(false) != "running")
                {
                    await there.ResumeAsync(cancellationToken).ConfigureAwait(false);
                }
            }
        }
        else if (saved is not null)
        {
            await VerifyAsync(saved, cancellationToken).ConfigureAwait(false);
            await ResumeAsync(saved, cancellationToken).ConfigureAwait(false);
        }
    }

    /// <summary>The machine as it runs, else started from its beginning.</summary>
    public async Task<VirtualMachine> FindOrStartAsync(CancellationToken cancellationToken) =>
        await FindAsync(cancellationToken).ConfigureAwait(false)
            ?? await VirtualMachine.StartAsync(Options(), cancellationToken).ConfigureAwait(false);

    private static MachineSaved Read(string saved) =>
        JsonSerializer.Deserialize(saved, ParticipantJson.Default.MachineSaved)!;

    /// <summary>The machine's QEMU, or null where there is none: it would hold the lock of its memory.</summary>
    private async Task<VirtualMachine?> FindAsync(CancellationToken cancellationToken)
    {
        try
        {
            foreach (string region in settings.Regions)
            {
                arena.Reader.BorrowRegion(region).Dispose();
            }

            return null;
        }
        catch (RegionLentException)
        {
            return await VirtualMachine.ConnectAsync(Options(), cancellationToken).ConfigureAwait(false);
        }
    }

    /// <summary>
    /// QEMU's own word for where the machine's memory is: a machine that was started by hand may have a copy.
    /// </summary>
    private async Task CheckMemoryAsync(VirtualMachine machine, CancellationToken cancellationToken)
    {
        JsonElement backends = await machine.Monitor.ExecuteAsync("query-memdev",
            cancellationToken: cancellationToken).ConfigureAwait(false);
        foreach (GuestMemoryBackend needed in Memory().Backends)
        {
            bool shared = backends.EnumerateArray().Any(one =>
                one.TryGetProperty("id", out JsonElement id) && id.GetString() == needed.Id
                    && one.GetProperty("size").GetInt64() == needed.Length
                    && one.TryGetProperty("share", out JsonElement share) && share.GetBoolean());
            if (!shared)
            {
                throw new LiveUpdateException($"Machine '{Name}' does not have {needed.Path} as its memory " +
                    $"'{needed.Id}', shared, of {needed.Length} bytes. Start it with the arguments of " +
                    "GuestMemory.ToQemuArguments, or by gmfs live-update start.");
            }
        }
    }

    private MemoryFingerprint OfMemory(string name, Func<PersistentRegion, MemoryFingerprint> take)
    {
        using PersistentRegion region = arena.Reader.OpenRegion(name, RegionKind.GuestRam);
        return take(region);
    }

    private LiveUpdateException NotThere() =>
        new($"Machine '{Name}' does not run: nobody holds the lock of its memory, region '{settings.Regions[0]}'. " +
            "Start it (gmfs live-update start), or leave it out of the plan.");

    private GuestMemory Memory() => GuestMemory.Of(arena.Reader, settings.Regions);

    private VirtualMachineOptions Options() => new()
    {
        Name = settings.Name,
        Memory = Memory(),
        MonitorSocket = settings.Monitor,
        Executable = settings.Executable,
        Arguments = settings.Arguments,
        StateTimeout = Deadline,
        Monitor = new QmpOptions { ConnectTimeout = Deadline, CommandTimeout = Deadline, Trust = arena.Trust },
    };
}
