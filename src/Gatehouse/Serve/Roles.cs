using Microsoft.Extensions.Logging;

namespace Gatehouse.Serve;

/// <summary>Makes the roles of this process, in the order of their start.</summary>
internal static class Roles
{
    public static IReadOnlyList<(string Name, IServedRole Role)> Create(ServeSettings settings, HostContext host, ILoggerFactory logs)
    {
        List<(string, IServedRole)> made = [];
        var root = settings.Roles.Contains(ServeOptions.Root) ? new RootProcess(settings, host.Time, logs) : null;
        if (root is not null) made.Add((ServeOptions.Root, root));
        return made;
    }
}
