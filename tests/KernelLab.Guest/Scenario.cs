namespace GuestMemFs.KernelLab.Guest;

/// <summary>A scenario's side in the machine. One object a boot; what it must remember it tells the host.</summary>
internal abstract class Scenario
{
    /// <summary>
    /// A stage: what happens under one kernel. It kexecs into the next, or returns, which ends the scenario.
    /// </summary>
    public abstract void Run(Stage stage);
}

/// <summary>Something was found that the scenario says must not be.</summary>
internal sealed class ScenarioException(string message) : Exception(message);
