using Gatehouse.Api.Identity;
using Microsoft.Extensions.Logging;

namespace Gatehouse.Serve;

/// <summary>Makes the roles of this process, in the order of their start. A role whose issuer is in the same process needs no token from outside.</summary>
internal static class Roles
{
    /// <summary>Names the program that instances' commands mean by <c>gatehouse</c>. Default: this one.</summary>
    private const string ProgramVariable = "GATEHOUSE_PROGRAM";

    private static readonly TimeSpan OwnTokenLife = TimeSpan.FromMinutes(5);

    public static IReadOnlyList<(string Name, IServedRole Role)> Create(ServeSettings settings, HostContext host, ILoggerFactory logs)
    {
        List<(string, IServedRole)> made = [];
        RootProcess? root = null;
        ClusterProcess? cluster = null;
        if (Has(ServeOptions.Root)) made.Add((ServeOptions.Root, root = new RootProcess(settings, host.Time, logs)));
        if (Has(ServeOptions.Cluster)) made.Add((ServeOptions.Cluster, cluster = new ClusterProcess(settings, Token(EnrollmentProtocol.ClusterRole, () => root?.Tokens), host.Time, logs)));
        if (Has(ServeOptions.Node)) made.Add((ServeOptions.Node, new NodeProcess(settings, Token(EnrollmentProtocol.WorkerRole, () => cluster?.Tokens), Program(host), host.Time, logs)));
        if (Has(ServeOptions.Gateway)) made.Add((ServeOptions.Gateway, new GatewayProcess(settings, host.Time, logs)));
        return made;

        bool Has(string role) => settings.Roles.Contains(role);

        Func<CancellationToken, Task<string?>> Token(string role, Func<JoinTokens?> issuer) => async cancellation =>
            settings.Token ?? (issuer() is { } tokens ? await tokens.CreateAsync(role, settings.Name, OwnTokenLife, cancellation) : null);
    }

    private static string Program(HostContext host) => host.Variable(ProgramVariable) ?? Environment.ProcessPath!;
}
