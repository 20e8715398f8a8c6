using System.Diagnostics;
using GuestMemFs.Native;

namespace GuestMemFs.Tests.Native;

public sealed class ProcessIdentityTests
{
    [Fact]
    public void This_process_is_alive_and_no_other_start_of_its_pid_is()
    {
        ProcessIdentity me = ProcessIdentity.Current;
        Assert.Equal(Environment.ProcessId, me.Pid);
        Assert.NotEqual(Guid.Empty, me.BootId);
        Assert.True(me.IsAlive());
        Assert.False(ProcessIdentity.IsAlive(me.Pid, me.StartTime + 1));
        Assert.False((me with { BootId = Guid.NewGuid() }).IsAlive());
        Assert.False(ProcessIdentity.IsAlive(int.MaxValue, 1));
    }

    [Fact]
    public void A_process_that_was_killed_is_dead_even_while_nobody_has_waited_for_it()
    {
        // The name holds brackets and spaces, as any program's may: the fields behind it must still be found.
        string script = Path.Combine(Directory.CreateTempSubdirectory("guestmemfs-test-").FullName, "a) R (1");
        File.Copy("/bin/sleep", script);
        using Process child = Process.Start(script, "60");
        try
        {
            ulong start = StartTimeOf(child.Id);
            Assert.True(ProcessIdentity.IsAlive(child.Id, start));
            child.Kill();
            Assert.True(SpinWait.SpinUntil(() => !ProcessIdentity.IsAlive(child.Id, start), Patience.Limit));
        }
        finally
        {
            child.Kill();
            child.WaitForExit();
            Directory.Delete(Path.GetDirectoryName(script)!, recursive: true);
        }
    }

    private static ulong StartTimeOf(int pid)
    {
        string text = File.ReadAllText($"/proc/{pid}/stat");
        return ulong.Parse(text[(text.LastIndexOf(')') + 2)..].Split(' ')[19],
            System.Globalization.CultureInfo.InvariantCulture);
    }
}
