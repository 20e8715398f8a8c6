using System.Globalization;
using GuestMemFs.PackageTests.Infrastructure;

namespace GuestMemFs.PackageTests;

/// <summary>
/// The packed library in a native program (Native AOT), with every method of the three packages compiled into it:
/// dictionary, roots, groups, options. The program for the JIT is the same source, and both take the same arena in
/// turn.
/// </summary>
[Trait("Category", "Package")]
public sealed class NativeTests(PackedRepository packed) : IClassFixture<PackedRepository>
{
    private static readonly string s_source = File.ReadAllText(
        Path.Combine(AppContext.BaseDirectory, "Consumer", "Native.cs"));

    [Fact]
    public async Task A_native_program_and_one_for_the_JIT_find_each_others_data_after_SIGKILL()
    {
        using var project = new FreshProject(packed.Package, s_source, "GuestMemFs.LiveUpdate");
        await project.Build();
        string native = await project.PublishNative();
        using var arena = new TemporaryDirectory(Directory.Exists("/dev/shm") ? "/dev/shm" : null);

        long acknowledged = 0;
        string[] lives = [native, native, project.Program, native, project.Program];
        for (int life = 0; life < lives.Length; life++)
        {
            using var program = new RunningProgram(lives[life], $"--Arena:Directory={arena["bank"]}",
                "--Arena:HeapSize=67108864");
            string[] start = (await program.Line(line => line.StartsWith("sum ", StringComparison.Ordinal))).Split(' ',
                ',');
            long moved = long.Parse(start[4], CultureInfo.InvariantCulture);
            for (int i = 0; i < 20; i++)
            {
                string line = await program.Line(line => line.StartsWith("acknowledged ", StringComparison.Ordinal));
                acknowledged = i == 0 ? acknowledged : long.Parse(line.Split(' ')[1], CultureInfo.InvariantCulture);
                Assert.True(i > 0 || moved >= acknowledged,
                    $"{acknowledged} were acknowledged; life {life} found {moved}");
            }

            program.Kill();
            Assert.Equal(("1000", life.ToString(CultureInfo.InvariantCulture)), (start[1], start[^1]));
            Assert.Contains("another layout is refused", program.Output, StringComparison.Ordinal);
            Assert.DoesNotContain("wrong", program.Output, StringComparison.Ordinal);
        }

        using var refused = new RunningProgram(native, $"--Arena:Directory={arena["bank"]}", "--Arena:HeapSize=5");
        Assert.Contains("HeapSize is 5 bytes; it must be at least",
            await refused.Line(line => line.StartsWith("refused: ", StringComparison.Ordinal)),
            StringComparison.Ordinal);
        Assert.Equal(3, await refused.End());
    }
}
