using GuestMemFs.Architecture;

// The test runner, and beside it: draw FOLDER writes the house and its matrices as SVG.
if (args is ["draw", var folder])
{
    Drawing.Write(folder);
    return 0;
}

return await Xunit.Runner.InProc.SystemConsole.ConsoleRunner.Run(args).ConfigureAwait(false);
