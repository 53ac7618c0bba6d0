using System.Text;
using System.Text.RegularExpressions;
using Gatehouse.Proxy.Balancing;
using Gatehouse.Proxy.Configuration;

namespace Gatehouse.Proxy.Routing;

/// <summary>A route as the loops use it.</summary>
internal sealed class RouteModel
{
    public RouteModel(string host, Route config, UpstreamState? upstream, int counter)
    {
        (Host, Config, Upstream, Counter) = (host, config, upstream, counter);
        LogName = Encoding.UTF8.GetBytes($"{host}/{config.Name}");
        Match = new RouteMatch(config);
        if (config.Path.Kind == PathMatchKind.Regex) PathPattern = RoutePattern.FromStart(config.Path.Value);
        if (config.Respond is { } respond) Respond = new FixedAnswer(respond);
    }

    /// <summary>The virtual host's name; the listener's for its default.</summary>
    public string Host { get; }

    public Route Config { get; }

    /// <summary>Its name for log lines.</summary>
    public byte[] LogName { get; }

    public PathMatch Path => Config.Path;

    public Regex? PathPattern { get; }

    public RouteMatch Match { get; }

    /// <summary>Null when it answers itself.</summary>
    public UpstreamState? Upstream { get; }

    public FixedAnswer? Respond { get; }

    /// <summary>Where it is counted.</summary>
    public int Counter { get; }

    public override string ToString() => $"{Host}/{Config.Name}";
}

/// <summary>An answer from here, as bytes.</summary>
internal sealed class FixedAnswer(FixedResponse config)
{
    public int Status => config.Status;

    /// <summary>Field lines of the content: its type and where to look instead.</summary>
    public byte[] Fields { get; } = Encoding.UTF8.GetBytes(
        $"content-type: {config.ContentType}\r\n" + (config.Location is { } location ? $"location: {location}\r\n" : ""));

    public byte[] Body { get; } = Encoding.UTF8.GetBytes(config.Body);
}
