namespace GuestMemFs.LiveUpdate.Tests.Infrastructure;

/// <summary>A participant that keeps to the rules: asked twice, it does a thing once.</summary>
internal sealed class Actor(string name, int order) : ILiveUpdateParticipant
{
    public enum Doing
    {
        Runs,
        Stands,
        Gone,
    }

    public string Name => name;

    public int Order => order;

    public TimeSpan Deadline { get; init; } = TimeSpan.FromSeconds(30);

    public Doing Does { get; set; }

    /// <summary>What it would be a loss to forget.</summary>
    public int Memory { get; set; } = 1;

    /// <summary>The step that it refuses.</summary>
    public string? Fails { get; set; }

    /// <summary>Everything it was asked, of all of them in one list.</summary>
    public List<string> Log { get; init; } = [];

    public Task PrepareAsync(CancellationToken cancellation) => Step("prepare", () => Assert.Equal(Doing.Runs, Does));

    public async Task<string> SaveAsync(CancellationToken cancellation)
    {
        await Step("save", () => Does = Does == Doing.Runs ? Doing.Stands : Does);
        return Memory.ToString(System.Globalization.CultureInfo.InvariantCulture);
    }

    public Task FreezeAsync(CancellationToken cancellation) => Step("freeze", () =>
    {
        Assert.NotEqual(Doing.Runs, Does);
        Does = Doing.Gone;
    });

    public Task VerifyAsync(string saved, CancellationToken cancellation) => Step("verify", () =>
    {
        Assert.NotEqual(Doing.Runs, Does);
        if (saved != Memory.ToString(System.Globalization.CultureInfo.InvariantCulture))
        {
            throw new LiveUpdateException($"'{name}' has {Memory}, and {saved} was saved.");
        }
    });

    public Task ResumeAsync(string saved, CancellationToken cancellation) => Step("resume", () =>
    {
        Does = Doing.Runs;
    });

    public Task AbortAsync(string? saved, CancellationToken cancellation) => Step("abort", () => Does = Doing.Runs);

    private async Task Step(string step, Action action)
    {
        Log.Add($"{name} {step}");
        if (Fails == step + " late")
        {
            await Task.Delay(Timeout.Infinite, TestContext.Current.CancellationToken);
        }

        if (Fails == step)
        {
            throw new InvalidOperationException("it will not");
        }

        action();
    }
}
