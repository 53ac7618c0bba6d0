using System.CommandLine;

namespace Gatehouse.Commands;

internal static class ServeCommand
{
    public static Command Create(HostContext host) => new("serve", "not yet");
}
