using System.CommandLine;

namespace Gatehouse.Commands;

internal static class DoctorCommand
{
    public static Command Create(HostContext host) => new("doctor", "not yet");
}
