using System.CommandLine;
using System.Net;

namespace Gatehouse.Serve;

/// <summary>What <c>gatehouse serve</c> was told, valid as a whole.</summary>
internal sealed record ServeSettings
{
    public required IReadOnlyList<string> Roles { get; init; }

    public required string State { get; init; }

    public required IReadOnlyList<IPEndPoint> RootListen { get; init; }

    public required IReadOnlyList<IPEndPoint> ClusterListen { get; init; }

    public required IReadOnlyList<string> Advertise { get; init; }

    public required IReadOnlyList<IPEndPoint> OakestraListen { get; init; }

    public required IReadOnlyList<IPEndPoint> OakestraTlsListen { get; init; }

    public required bool OakestraAnonymous { get; init; }

    public required string Name { get; init; }

    public required Uri RootUrl { get; init; }

    public required Uri ClusterUrl { get; init; }

    /// <summary>Null when the role has joined, or when the token comes from a role in the same process.</summary>
    public required string? Token { get; init; }

    public required IPAddress Underlay { get; init; }

    public required IReadOnlyList<IPAddress> PublicAddresses { get; init; }

    public required bool IsGateway { get; init; }

    public required string Socket { get; init; }

    public required bool RunsProcesses { get; init; }

    public required int TunnelPort { get; init; }

    /// <summary>The identity directory that the gateway role reads.</summary>
    public required string Identity { get; init; }

    /// <summary>The state directory of one of the roles.</summary>
    public string StateOf(string role) => Roles.Count == 1 ? State : Path.Combine(State, role);

    /// <summary>Reads the command line and what it names.</summary>
    /// <exception cref="UsageException">All faults that the parser could not see.</exception>
    public static ServeSettings Read(ParseResult parsed, ServeOptions options, IReadOnlyList<string> roles)
    {
        List<string> faults = [];
        var state = Path.GetFullPath(parsed.GetRequiredValue(options.State));
        var listen = parsed.GetValue(options.Listen) ?? [];
        var both = roles.Contains(ServeOptions.Root) && roles.Contains(ServeOptions.Cluster);
        var clusterListen = Or(both ? parsed.GetValue(options.ClusterListen) : listen, 7444);
        var rootListen = Or(listen, 7443);
        var settings = new ServeSettings
        {
            Roles = roles,
            State = state,
            RootListen = rootListen,
            ClusterListen = clusterListen,
            Advertise = parsed.GetValue(options.Advertise) ?? [],
            OakestraListen = parsed.GetValue(options.Oakestra) ?? [],
            OakestraTlsListen = parsed.GetValue(options.OakestraTls) ?? [],
            OakestraAnonymous = parsed.GetValue(options.OakestraAnonymous),
            Name = parsed.GetValue(options.Name) ?? "",
            RootUrl = parsed.GetValue(options.RootUrl) ?? Local(rootListen),
            ClusterUrl = parsed.GetValue(options.ClusterUrl) ?? Local(clusterListen),
            Token = ReadToken(parsed.GetValue(options.TokenFile), faults),
            Underlay = parsed.GetValue(options.Underlay) ?? IPAddress.None,
            PublicAddresses = parsed.GetValue(options.Public) ?? [],
            IsGateway = parsed.GetValue(options.IsGateway) || roles.Contains(ServeOptions.Gateway),
            Socket = parsed.GetRequiredValue(options.Socket),
            RunsProcesses = parsed.GetValue(options.RunProcesses),
            TunnelPort = parsed.GetValue(options.TunnelPort),
            Identity = parsed.GetValue(options.Identity) ?? "",
        };
        if (settings.Identity.Length == 0) settings = settings with { Identity = Path.Combine(settings.StateOf(ServeOptions.Node), "identity") };
        return faults.Count == 0 ? settings : throw new UsageException(faults);
    }

    private static IPEndPoint[] Or(IPEndPoint[]? given, int port) => given is { Length: > 0 } ? given : [new IPEndPoint(IPAddress.IPv6Any, port)];

    private static Uri Local(IReadOnlyList<IPEndPoint> listen) => new($"https://{AdminKubeconfig.Reachable(listen[0])}");

    /// <summary>An absent file is no fault: whether a token is needed shows when there is no identity.</summary>
    private static string? ReadToken(string? path, List<string> faults)
    {
        if (path is null || !File.Exists(path)) return null;
        try
        {
            var text = File.ReadAllText(path).Trim();
            if (Api.Identity.TokenText.TryParse(text, out _)) return text;
            faults.Add($"--token-file: {path} holds no join token; `gatehouse token create` makes one");
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            faults.Add($"--token-file: {e.Message}");
        }

        return null;
    }
}
