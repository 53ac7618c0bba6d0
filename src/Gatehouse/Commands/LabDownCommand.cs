using System.CommandLine;

namespace Gatehouse.Commands;

/// <summary><c>gatehouse lab down</c>.</summary>
internal static class LabDownCommand
{
    public static Command Create(HostContext host)
    {
        var place = new LabPlace(host);
        var command = new Command("down", "End everything that runs in the lab and remove all traces of it, also after a crash.") { place.Name };
        command.SetAction(async (parsed, cancellation) =>
        {
            var there = await place.Open(parsed).DownAsync(cancellation);
            var name = parsed.GetRequiredValue(place.Name);
            host.Out.WriteLine(there ? $"lab '{name}' is gone" : $"there is no lab '{name}'");
            return ExitCode.Ok;
        });
        return command;
    }
}
