using System.Buffers.Binary;
using System.Numerics;

namespace GuestMemFs.LiveUpdate.Tests.Coordinator;

/// <summary>An arena is not believed which programs to start: the plan's file says that.</summary>
public sealed class PlanProgramsTests : IDisposable
{
    private const uint Magic = 0x50554C47; // as docs/format.md says
    private readonly TestFolder _folder = new();
    private readonly StandInKernel _kernel = new();
    private readonly Actor _database = new("db", 0);

    private static CancellationToken Cancellation => TestContext.Current.CancellationToken;

    public void Dispose() => _folder.Dispose();

    [Fact]
    public async Task The_journal_holds_no_program_and_the_file_is_read_again()
    {
        await using LiveUpdateEndpoint endpoint = LiveUpdateEndpoint.Start(_folder["db.socket"], _database, null);
        using (LiveUpdater old = Updater())
        {
            await old.PlanAsync(WritePlan("/boot/next"), Cancellation);
        }

        using LiveUpdater status = Updater();
        PlanRecord record = status.ReadStatus()!;
        Assert.Equal(_folder["plan.json"], record.PlanFile);
        Assert.Null(record.Plan.Kernel.CommandLine);

        using LiveUpdater other = Updater();
        await other.RunPlannedAsync(Cancellation);
        Assert.Equal("secret words", _kernel.CommandLine);
    }

    [Fact]
    public async Task A_file_that_was_changed_since_starts_nothing()
    {
        await using LiveUpdateEndpoint endpoint = LiveUpdateEndpoint.Start(_folder["db.socket"], _database, null);
        using (LiveUpdater old = Updater())
        {
            await old.PlanAsync(WritePlan("/boot/next"), Cancellation);
        }

        WritePlan("/boot/other");
        using LiveUpdater other = Updater();
        LiveUpdateException e =
            await Assert.ThrowsAsync<LiveUpdateException>(() => other.RunPlannedAsync(Cancellation));
        Assert.Contains("it was changed", e.Message, StringComparison.Ordinal);
        Assert.Contains("Put the file back", e.Message, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData(PlanPhase.Resuming, false)] // under the next kernel: a machine's hypervisor would be started
    [InlineData(PlanPhase.Saving, true)] // under this one: a kernel would be entered
    public async Task A_journal_that_names_programs_of_its_own_starts_none(PlanPhase phase, bool sameKernel)
    {
        string evil = _folder["evil"], mark = _folder["mark"];
        File.WriteAllText(evil, $"#!/bin/sh\ntouch {mark}\n");
        File.SetUnixFileMode(evil, (UnixFileMode)0x1ED);
        var plan = new LiveUpdatePlan
        {
            Arena = _folder["arena"],
            Kernel = new KernelSettings { Image = evil },
            Machines =
            [
                new MachineSettings { Name = "vm", Regions = ["vm"], Monitor = _folder["m"], Executable = evil },
            ],
        };
        Note(new PlanRecord
        {
            Id = Guid.NewGuid(),
            BootId = sameKernel ? _kernel.BootId : Guid.NewGuid(),
            Phase = phase,
            Plan = plan,
            PlanDigest = plan.Digest,
            Participants = [new ParticipantRecord { Name = "vm", Step = ParticipantStep.Verified, Saved = "{}" }],
        });
        using LiveUpdater updater = Updater();
        LiveUpdateException e = await Assert.ThrowsAsync<LiveUpdateException>(
            () => updater.ResumeAsync(cancellationToken: Cancellation));
        Assert.Contains("an arena is not believed", e.Message, StringComparison.Ordinal);
        Assert.False(File.Exists(mark));
    }

    [Fact]
    public void A_record_of_another_version_is_refused_with_the_way_out()
    {
        using (PersistentArena arena = PersistentArena.Create(new ArenaOptions { Directory = _folder["arena"] }))
        using (PersistentRegion region = arena.CreateRegion(PlanJournal.RegionName, PlanJournal.RegionLength))
        {
            byte[] text = "{ \"id\": 1 }"u8.ToArray();
            uint checksum = BitOperations.Crc32C(BitOperations.Crc32C(Magic, 1ul), (ulong)text.Length);
            checksum = text.Aggregate(checksum, BitOperations.Crc32C);
            Span<byte> slot = region.AsSpan(0, 64 + text.Length);
            text.CopyTo(slot[64..]);
            BinaryPrimitives.WriteUInt32LittleEndian(slot[8..], Magic);
            BinaryPrimitives.WriteInt32LittleEndian(slot[12..], text.Length);
            BinaryPrimitives.WriteUInt32LittleEndian(slot[16..], checksum);
            BinaryPrimitives.WriteUInt64LittleEndian(slot, 1);
        }

        using LiveUpdater updater = Updater();
        LiveUpdateException e = Assert.Throws<LiveUpdateException>(updater.ReadStatus);
        Assert.Contains("another version", e.Message, StringComparison.Ordinal);
        Assert.Contains("gmfs rm", e.Message, StringComparison.Ordinal);
    }

    private LiveUpdater Updater() => new(_folder["arena"], _kernel, null, TimeProvider.System);

    private LiveUpdatePlan WritePlan(string image)
    {
        if (!Directory.Exists(_folder["arena"]))
        {
            PersistentArena.Create(new ArenaOptions { Directory = _folder["arena"] }).Dispose();
        }

        File.WriteAllText(_folder["plan.json"], $$"""
            { "arena": "{{_folder["arena"]}}", "kernel": { "image": "{{image}}", "commandLine": "secret words" },
              "services": [ { "name": "db", "socket": "{{_folder["db.socket"]}}" } ] }
            """);
        return LiveUpdatePlan.Read(_folder["plan.json"]);
    }

    private void Note(PlanRecord record)
    {
        using PersistentArena arena = PersistentArena.Create(new ArenaOptions { Directory = _folder["arena"] });
        using PersistentRegion region = arena.CreateRegion(PlanJournal.RegionName, PlanJournal.RegionLength);
        new PlanJournal(region).Write(record);
    }
}
