namespace Gatehouse.Proxy.Configuration.Delta;

/// <summary>What makes one configuration of another. Names are unique in both, as <see cref="Validation.ConfigValidator"/> has it.</summary>
public sealed record ConfigDelta
{
    /// <summary>The revision that it can be applied to.</summary>
    public long Base { get; init; }

    /// <summary>The revision that comes of it.</summary>
    public long Target { get; init; }

    /// <summary>Null: as it was.</summary>
    public EngineSettings? Engine { get; init; }

    /// <summary>Null: as it was.</summary>
    public AccessLog? AccessLog { get; init; }

    /// <summary>Changes of listeners.</summary>
    public SectionDelta<Listener> Listeners { get; init; } = SectionDelta<Listener>.None;

    /// <summary>Changes of virtual hosts.</summary>
    public SectionDelta<VirtualHost> VirtualHosts { get; init; } = SectionDelta<VirtualHost>.None;

    /// <summary>Changes of upstreams.</summary>
    public SectionDelta<UpstreamGroup> Upstreams { get; init; } = SectionDelta<UpstreamGroup>.None;

    /// <summary>Changes of certificates.</summary>
    public SectionDelta<Certificate> Certificates { get; init; } = SectionDelta<Certificate>.None;

    /// <summary>Whether nothing changes but the revision.</summary>
    public bool IsEmpty => Engine is null && AccessLog is null && Listeners.IsEmpty && VirtualHosts.IsEmpty && Upstreams.IsEmpty && Certificates.IsEmpty;

    /// <summary>What makes <paramref name="to"/> of <paramref name="from"/>.</summary>
    public static ConfigDelta Between(ProxyConfig from, ProxyConfig to, long baseRevision, long targetRevision) => new()
    {
        Base = baseRevision,
        Target = targetRevision,
        Engine = from.Engine == to.Engine ? null : to.Engine,
        AccessLog = from.AccessLog == to.AccessLog ? null : to.AccessLog,
        Listeners = SectionDelta<Listener>.Between(from.Listeners, to.Listeners, static l => l.Name),
        VirtualHosts = SectionDelta<VirtualHost>.Between(from.VirtualHosts, to.VirtualHosts, static v => v.Name),
        Upstreams = SectionDelta<UpstreamGroup>.Between(from.Upstreams, to.Upstreams, static u => u.Name),
        Certificates = SectionDelta<Certificate>.Between(from.Certificates, to.Certificates, static c => c.Name),
    };

    /// <summary>The configuration that comes of it. What does not change is the same object as before.</summary>
    /// <returns>Null: it was made for another base; ask for the whole.</returns>
    public static ProxyConfig? Apply(ProxyConfig from, ConfigDelta delta)
    {
        if (delta.Listeners.Apply(from.Listeners, static l => l.Name) is not { } listeners) return null;
        if (delta.VirtualHosts.Apply(from.VirtualHosts, static v => v.Name) is not { } hosts) return null;
        if (delta.Upstreams.Apply(from.Upstreams, static u => u.Name) is not { } upstreams) return null;
        if (delta.Certificates.Apply(from.Certificates, static c => c.Name) is not { } certificates) return null;
        return new ProxyConfig
        {
            Engine = delta.Engine ?? from.Engine,
            AccessLog = delta.AccessLog ?? from.AccessLog,
            Listeners = listeners,
            VirtualHosts = hosts,
            Upstreams = upstreams,
            Certificates = certificates,
        };
    }
}
