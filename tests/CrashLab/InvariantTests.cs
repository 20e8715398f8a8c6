namespace GuestMemFs.CrashLab;

/// <summary>What the library's sources state is looked at in the labs.</summary>
public class InvariantTests
{
    [Fact]
    public void An_invariant_that_does_not_hold_is_a_failure_here()
    {
        int one = 1;

        var broken = Assert.Throws<InvalidOperationException>(() => Invariant.Holds(one > 1, 7));

        Assert.Equal("Invariant 7 of InvariantTests.cs does not hold: one > 1. A bug.", broken.Message);
    }
}
