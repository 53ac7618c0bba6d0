using System.CommandLine;

namespace Gatehouse.Commands;

internal static class TraceCommand
{
    public static Command Create(HostContext host) => new("trace", "not yet");
}
