using System.CommandLine;
using System.CommandLine.Parsing;
using System.Net;

namespace Gatehouse.Serve;

/// <summary>The options of <c>gatehouse serve</c>: for each, the roles that it is for, and those that need it.</summary>
internal sealed class ServeOptions
{
    public const string Root = "root";
    public const string Cluster = "cluster";
    public const string Node = "node";
    public const string Gateway = "gateway";

    /// <summary>All roles, in the order of their start.</summary>
    public static readonly IReadOnlyList<string> AllRoles = [Root, Cluster, Node, Gateway];

    private readonly List<(Option Option, string[] For, string[] Needs)> _rows = [];

    public ServeOptions()
    {
        State = Add(new Option<string>("--state") { Description = "Directory that the role keeps everything in. With several roles, each has a folder in it.", HelpName = "DIR" }, AllRoles, AllRoles);
        Listen = Add(EndPoints("--listen", "Where the API listens. Default [::]:7443 for root, [::]:7444 for cluster."), [Root, Cluster]);
        ClusterListen = Add(EndPoints("--cluster-listen", "Where the cluster's API listens when root is in the same process."), [Cluster]);
        Advertise = Add(new Option<string[]>("--advertise") { Description = "Further names or addresses by which others reach the API; they go into its certificate.", HelpName = "NAME" }, [Root, Cluster]);
        Oakestra = Add(EndPoints("--oakestra-listen", "Where Oakestra's surface listens in plain HTTP (its own ports: 10099 root, 10110 cluster). It takes no credentials, so it needs --oakestra-anonymous. Default: nowhere."), [Root, Cluster]);
        OakestraTls = Add(EndPoints("--oakestra-tls-listen", "Where Oakestra's surface listens over TLS, for client certificates and bearer tokens. Default: nowhere."), [Root, Cluster]);
        OakestraAnonymous = Add(new Option<bool>("--oakestra-anonymous") { Description = "Oakestra's managers deploy without credentials, as with Oakestra; what acts for a cluster or worker still needs them. For networks that nobody else is on." }, [Root, Cluster]);
        Name = Add(new Option<string>("--name") { Description = "Name of the cluster or worker.", HelpName = "NAME" }, [Cluster, Node, Gateway], [Cluster, Node, Gateway]);
        RootUrl = Add(Url("--root", "Root's API."), [Cluster], [Cluster]);
        ClusterUrl = Add(Url("--cluster", "The cluster's API."), [Node, Gateway], [Node, Gateway]);
        TokenFile = Add(new Option<string?>("--token-file") { Description = "File with the join token; needed until the role has joined.", HelpName = "FILE" }, [Cluster, Node]);
        Underlay = Add(Address<IPAddress?>("--underlay", "The address of this host that other workers reach.", a => a), [Node], [Node]);
        Public = Add(Addresses("--public", "An address of this host that is reachable from outside. May be repeated."), [Node]);
        IsGateway = Add(new Option<bool>("--gateway") { Description = "A gateway role runs on this host." }, [Node]);
        Socket = Add(new Option<string>("--socket") { Description = "Socket of the node's local API. Default /etc/netmanager/netmanager.sock.", HelpName = "PATH", DefaultValueFactory = _ => "/etc/netmanager/netmanager.sock" }, [Node]);
        RunProcesses = Add(new Option<bool>("--run-processes") { Description = "Run the programs that instances declare." }, [Node]);
        TunnelPort = Add(Port("--tunnel-port", 4789, "UDP port of the tunnel, the same on all workers."), [Node]);
        Identity = Add(new Option<string?>("--identity") { Description = "The identity directory of the node on this host. Default: that of the node in the same process.", HelpName = "DIR" }, [Gateway]);
        Log = Add(new Option<string>("--log") { Description = "text or json, on standard error. Default: text on a terminal, else json.", HelpName = "FORM" }, AllRoles);
        Log.AcceptOnlyFromAmong("text", "json");
    }

    public Option<string> State { get; }

    public Option<IPEndPoint[]> Listen { get; }

    public Option<IPEndPoint[]> ClusterListen { get; }

    public Option<string[]> Advertise { get; }

    public Option<IPEndPoint[]> Oakestra { get; }

    public Option<IPEndPoint[]> OakestraTls { get; }

    public Option<bool> OakestraAnonymous { get; }

    public Option<string> Name { get; }

    public Option<Uri?> RootUrl { get; }

    public Option<Uri?> ClusterUrl { get; }

    public Option<string?> TokenFile { get; }

    public Option<IPAddress?> Underlay { get; }

    public Option<IPAddress[]> Public { get; }

    public Option<bool> IsGateway { get; }

    public Option<string> Socket { get; }

    public Option<bool> RunProcesses { get; }

    public Option<int> TunnelPort { get; }

    public Option<string?> Identity { get; }

    public Option<string> Log { get; }

    public IEnumerable<Option> All => _rows.Select(r => r.Option);

    /// <summary>Options that the chosen roles lack, and options that are for none of them.</summary>
    public IEnumerable<string> Faults(CommandResult parsed, IReadOnlyCollection<string> roles)
    {
        foreach (var (option, meant, needs) in _rows)
        {
            var given = parsed.GetResult(option) is { Implicit: false };
            if (given && !meant.Intersect(roles).Any()) yield return $"{option.Name}: is for {string.Join(", ", meant)}, not for {string.Join(", ", roles)}";
            if (!given && needs.Intersect(roles).FirstOrDefault() is { } needy && !InProcess(option, roles)) yield return $"{option.Name}: is required for {needy}";
        }

        var both = roles.Contains(Root) && roles.Contains(Cluster);
        if (both && parsed.GetResult(ClusterListen) is null) yield return $"{ClusterListen.Name}: is required when root and cluster share a process";
        if (!both && parsed.GetResult(ClusterListen) is not null) yield return $"{ClusterListen.Name}: is for root and cluster in one process; otherwise use {Listen.Name}";
        if (parsed.GetResult(Oakestra) is { Implicit: false } && !parsed.GetValue(OakestraAnonymous))
            yield return $"{Oakestra.Name}: is plain HTTP, which takes no credentials, so that every call would be refused: add {OakestraAnonymous.Name}, or use {OakestraTls.Name}";
        if (roles.Contains(Gateway) && !roles.Contains(Node) && parsed.GetResult(Identity) is null) yield return $"{Identity.Name}: is required for gateway without node";
    }

    /// <summary>An API server in the same process needs no URL.</summary>
    private bool InProcess(Option option, IReadOnlyCollection<string> roles) =>
        (option == RootUrl && roles.Contains(Root)) || (option == ClusterUrl && roles.Contains(Cluster));

    private T Add<T>(T option, IReadOnlyList<string> roles, IReadOnlyList<string>? needs = null)
        where T : Option
    {
        _rows.Add((option, [.. roles], [.. needs ?? []]));
        return option;
    }

    private static Option<IPEndPoint[]> EndPoints(string name, string description) => new(name)
    {
        Description = description,
        HelpName = "ADDRESS:PORT",
        DefaultValueFactory = _ => [],
        CustomParser = result => [.. result.Tokens.Select(t => ParseEndPoint(result, name, t.Value)).OfType<IPEndPoint>()],
    };

    private static IPEndPoint? ParseEndPoint(ArgumentResult result, string name, string text)
    {
        // IPEndPoint alone takes a missing port for 0.
        if (IPEndPoint.TryParse(text, out var point) && point.Port > 0) return point;
        result.AddError($"{name}: '{text}' is not valid: ADDRESS:PORT, for example 192.0.2.1:7443 or [::]:7443");
        return null;
    }

    private static Option<Uri?> Url(string name, string description) => new(name)
    {
        Description = description,
        HelpName = "URL",
        CustomParser = result =>
        {
            if (Uri.TryCreate(result.Tokens[0].Value, UriKind.Absolute, out var url) && url.Scheme == Uri.UriSchemeHttps) return url;
            result.AddError($"{name}: '{result.Tokens[0].Value}' is not valid: an https URL, for example https://192.0.2.1:7443");
            return null;
        },
    };

    private static Option<T> Address<T>(string name, string description, Func<IPAddress?, T> make) => new(name)
    {
        Description = description,
        HelpName = "ADDRESS",
        CustomParser = result => make(ParseAddress(result, result.Tokens[0].Value, name)),
    };

    private static Option<IPAddress[]> Addresses(string name, string description) => new(name)
    {
        Description = description,
        HelpName = "ADDRESS",
        DefaultValueFactory = _ => [],
        CustomParser = result => [.. result.Tokens.Select(t => ParseAddress(result, t.Value, name)).OfType<IPAddress>()],
    };

    private static IPAddress? ParseAddress(ArgumentResult result, string text, string name)
    {
        if (Commands.CommandParts.TryAddress(text, out var address)) return address;
        result.AddError($"{name}: '{text}' is not valid: an IPv4 or IPv6 address");
        return null;
    }

    private static Option<int> Port(string name, int standard, string description) => new(name)
    {
        Description = $"{description} Default {standard}.",
        HelpName = "PORT",
        DefaultValueFactory = _ => standard,
        CustomParser = result =>
        {
            if (int.TryParse(result.Tokens[0].Value, out var port) && port is >= 1 and <= 65_535) return port;
            result.AddError($"{name}: '{result.Tokens[0].Value}' is not valid: 1 to 65535");
            return standard;
        },
    };
}
