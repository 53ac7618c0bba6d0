using System.Text;

namespace Gatehouse.Proxy.Access.Metrics;

/// <summary>How a metric moves.</summary>
internal enum MetricKind
{
    /// <summary>It only grows, and begins at 0 with the process or the thing.</summary>
    Counter,

    /// <summary>It is what it is now.</summary>
    Gauge,
}

/// <summary>A metric with all its series.</summary>
internal sealed class MetricFamily
{
    /// <param name="name">Its name, after the common beginning.</param>
    /// <param name="kind">How it moves.</param>
    /// <param name="labels">Names of its labels.</param>
    /// <param name="help">One sentence.</param>
    public MetricFamily(string name, MetricKind kind, string labels, string help)
    {
        (Name, Kind, Labels, Help) = ("gatehouse_proxy_" + name, kind, labels.Split(' ', StringSplitOptions.RemoveEmptyEntries), help);
        Head = Encoding.UTF8.GetBytes($"# HELP {Name} {help}\n# TYPE {Name} {kind.ToString().ToLowerInvariant()}\n");
        NameBytes = Encoding.ASCII.GetBytes(Name);
        LabelBytes = [.. Labels.Select(Encoding.ASCII.GetBytes)];
    }

    public string Name { get; }

    public MetricKind Kind { get; }

    public IReadOnlyList<string> Labels { get; }

    public string Help { get; }

    /// <summary>The lines before its series.</summary>
    public byte[] Head { get; }

    public byte[] NameBytes { get; }

    public byte[][] LabelBytes { get; }
}
