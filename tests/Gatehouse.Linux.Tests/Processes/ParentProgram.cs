using System.Runtime.CompilerServices;

namespace Gatehouse.Linux.Tests.Processes;

/// <summary>Makes this program a parent to be killed, when it is called so: before the test runner looks at its arguments.</summary>
internal static class ParentProgram
{
    [ModuleInitializer]
    internal static void RunIfAsked()
    {
        if (Environment.GetCommandLineArgs() is [_, "--gatehouse-parent", var output])
        {
            ProcessTests.RunParent(output);
            Environment.Exit(0);
        }
    }
}
