using Gatehouse.Store.Tests;
using Gatehouse.Store.Tests.Support;

// Tests start this program again as another process that owns a store.
return args switch
{
    [ChildProcess.WriteWord, var path, var writes] => await ChildProcess.WriteAsync(path, int.Parse(writes)),
    [ChildProcess.WriteSinglyWord, var path, var writes] => await ChildProcess.WriteSinglyAsync(path, int.Parse(writes)),
    [ChildProcess.HoldWord, var path] => await ChildProcess.HoldAsync(path),
    _ when args.Any(a => a is "-automated" or "@@") => await Xunit.Runner.InProc.SystemConsole.ConsoleRunner.Run(args),
    _ => await Xunit.MicrosoftTestingPlatform.TestPlatformTestFramework.RunAsync(args, SelfRegisteredExtensions.AddSelfRegisteredExtensions),
};
