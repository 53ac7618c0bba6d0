using System.CommandLine;
using System.Reflection;
using System.Runtime.InteropServices;

namespace Gatehouse.Commands;

/// <summary><c>gatehouse version</c>.</summary>
internal static class VersionCommand
{
    public static Command Create(HostContext host)
    {
        var command = new Command("version", "Show the version of this program, of .NET and of the kernel.");
        command.SetAction(_ =>
        {
            var version = Assembly.GetExecutingAssembly().GetCustomAttribute<AssemblyInformationalVersionAttribute>()?.InformationalVersion ?? "unknown";
            host.Out.WriteLine($"gatehouse {version}");
            host.Out.WriteLine($"{RuntimeInformation.FrameworkDescription}, {RuntimeInformation.OSDescription}, {RuntimeInformation.ProcessArchitecture.ToString().ToLowerInvariant()}");
            return ExitCode.Ok;
        });
        return command;
    }
}
