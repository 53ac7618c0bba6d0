namespace Gatehouse.Proxy.Configuration.Form;

/// <summary>The form of a whole configuration.</summary>
internal static class ConfigForm
{
    public const int MostListeners = 1_024;

    /// <summary>Of virtual hosts, of upstreams and of certificates.</summary>
    public const int MostOfAKind = 100_000;

    private static readonly EngineSettings StandardEngine = new();
    private static readonly AccessLog StandardLog = new();

    private static readonly Field<EngineSettings, int> Threads = new("threads", new NumberShape<int>(0, 1_024), e => e.Threads, StandardEngine.Threads,
        "Loops, each a thread. 0: one for each processor. Taken when an engine starts.");

    private static readonly Field<EngineSettings, int> MaxConnections = new("maxConnections", new NumberShape<int>(1, 10_000_000), e => e.MaxConnections, StandardEngine.MaxConnections,
        "Client connections of all listeners together; beyond it new ones wait in the kernel.");

    private static readonly Field<EngineSettings, TimeSpan> DrainTimeout = new("drainTimeout", Shapes.Span, e => e.DrainTimeout, StandardEngine.DrainTimeout,
        "How long an engine that was replaced may take to end what it has begun; then it ends it.");

    private static readonly Field<EngineSettings, string?> User = new("user", new TextShape("the name of a user", TextRules.User)!, e => e.User, null,
        "The user that the engine becomes when its parent is root. Without it, it stays what its parent is.");

    private static readonly Field<EngineSettings, System.Net.IPEndPoint?> Admin = new("admin", Shapes.BindAddress!, e => e.Admin, null,
        "Where Prometheus finds /metrics and a load balancer /ready. Without it: nowhere.");

    public static ObjectShape<EngineSettings> Engine { get; } = new("engine", "Settings of the process.", [Threads, MaxConnections, DrainTimeout, User, Admin], static v => new EngineSettings
    {
        Threads = Threads.From(v),
        MaxConnections = MaxConnections.From(v),
        DrainTimeout = DrainTimeout.From(v),
        User = User.From(v),
        Admin = Admin.From(v),
    });

    private static readonly Field<AccessLog, AccessLogFormat> Format = new(
        "format", new WordShape<AccessLogFormat>((AccessLogFormat.None, "none"), (AccessLogFormat.Haproxy, "haproxy"), (AccessLogFormat.Json, "json")), l => l.Format, StandardLog.Format,
        "haproxy: httplog and tcplog lines without the syslog header; json: one object for each line.");

    private static readonly Field<AccessLog, string> LogPath = new("path", new TextShape("a file, - or udp://HOST:PORT", TextRules.LogPath), l => l.Path, StandardLog.Path,
        "A file, which is appended to and opened anew on SIGHUP; - is standard output; udp://HOST:PORT is a syslog server (RFC 3164).");

    public static ObjectShape<AccessLog> Log { get; } = new("accessLog", "What is written about each request and connection.", [Format, LogPath], static v => new AccessLog
    {
        Format = Format.From(v),
        Path = LogPath.From(v),
    });

    public static Field<ProxyConfig, EngineSettings> EngineField { get; } = new("engine", Engine, c => c.Engine, StandardEngine, "Settings of the process.");

    public static Field<ProxyConfig, AccessLog> LogField { get; } = new("accessLog", Log, c => c.AccessLog, StandardLog, "What is written about each request and connection.");

    public static Field<ProxyConfig, EquatableArray<Listener>> Listeners { get; } =
        new("listeners", new ListShape<Listener>(ListenerForm.Shape, MostListeners), c => c.Listeners, [], "Where connections come in.");

    public static Field<ProxyConfig, EquatableArray<VirtualHost>> VirtualHosts { get; } =
        new("virtualHosts", new ListShape<VirtualHost>(VirtualHostForm.Shape, MostOfAKind), c => c.VirtualHosts, [], "Host names with their routes.");

    public static Field<ProxyConfig, EquatableArray<UpstreamGroup>> Upstreams { get; } =
        new("upstreams", new ListShape<UpstreamGroup>(UpstreamForm.Shape, MostOfAKind), c => c.Upstreams, [], "Groups of endpoints, where requests and connections go.");

    public static Field<ProxyConfig, EquatableArray<Certificate>> Certificates { get; } =
        new("certificates", new ListShape<Certificate>(CertificateForm.Shape, MostOfAKind), c => c.Certificates, [], "Certificates with their keys.");

    /// <summary>The whole.</summary>
    public static ObjectShape<ProxyConfig> Shape { get; } = new("configuration", "What a proxy engine serves.", [EngineField, LogField, Listeners, VirtualHosts, Upstreams, Certificates], static v => new ProxyConfig
    {
        Engine = EngineField.From(v),
        AccessLog = LogField.From(v),
        Listeners = Listeners.From(v),
        VirtualHosts = VirtualHosts.From(v),
        Upstreams = Upstreams.From(v),
        Certificates = Certificates.From(v),
    });
}
