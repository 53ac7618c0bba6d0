using System.Globalization;
using System.Runtime.CompilerServices;
using Gatehouse.Linux.Processes;

namespace Gatehouse.Linux.Tests.Processes;

/// <summary>Makes this program another one, when it is called so: before the test runner looks at its arguments. For what a process does to itself.</summary>
internal static class ParentProgram
{
    [ModuleInitializer]
    internal static void RunIfAsked()
    {
        switch (Environment.GetCommandLineArgs())
        {
            case [_, "--gatehouse-parent", var output]:
                ProcessTests.RunParent(output);
                break;
            case [_, "--gatehouse-user", var user]:
                Become(user);
                break;
            case [_, "--gatehouse-limit", .. var limits]:
                foreach (var limit in limits) Console.WriteLine(DescriptorLimit.Raise(long.Parse(limit, CultureInfo.InvariantCulture)));
                break;
            default:
                return;
        }

        Environment.Exit(0);
    }

    /// <summary>All threads are to change, also those that were there before.</summary>
    private static void Become(string user)
    {
        using var ready = new Barrier(2);
        using var done = new Barrier(2);
        var other = new Thread(() =>
        {
            ready.SignalAndWait();
            done.SignalAndWait();
        });
        other.Start();
        ready.SignalAndWait();
        try
        {
            ProcessUser.Become(user);
            foreach (var thread in Directory.GetDirectories("/proc/self/task"))
            {
                var status = File.ReadAllLines(Path.Combine(thread, "status"));
                Console.WriteLine(string.Join(' ', status.Where(l => l.StartsWith("Uid:", StringComparison.Ordinal) || l.StartsWith("Gid:", StringComparison.Ordinal) || l.StartsWith("Groups:", StringComparison.Ordinal) || l.StartsWith("CapEff:", StringComparison.Ordinal))));
            }
        }
        catch (LinuxException e)
        {
            Console.WriteLine(e.Message);
        }

        done.SignalAndWait();
        other.Join();
    }
}
