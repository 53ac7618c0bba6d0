namespace Gatehouse.Proxy.Configuration;

/// <summary>What came of reading or checking a configuration.</summary>
public sealed record ConfigOutcome
{
    /// <summary>What can be served. Null: nothing of it, see <see cref="Faults"/>. In lenient mode it is never null, and what had faults is not in it.</summary>
    public ProxyConfig? Config { get; init; }

    /// <summary>All that is wrong, in the order of the file. At most 1,000; then the last says that there are more.</summary>
    public IReadOnlyList<ConfigFault> Faults { get; init; } = [];

    /// <summary>What works and is probably not meant. At most 1,000.</summary>
    public IReadOnlyList<ConfigFault> Warnings { get; init; } = [];

    /// <summary>Full paths of all files that were read, or that should have been and were not there: a change of any of them changes the outcome.</summary>
    public IReadOnlyList<string> Files { get; init; } = [];
}

/// <summary>One thing that is wrong.</summary>
/// <param name="Path">Where in the configuration, for example <c>virtualHosts[0].routes[2].path</c>. Empty: in all of it.</param>
/// <param name="Message">What is wrong and what would be right.</param>
public sealed record ConfigFault(string Path, string Message)
{
    /// <summary>The file, as it was given. Null for a configuration that did not come from one.</summary>
    public string? File { get; init; }

    /// <summary>From 1. 0: not known.</summary>
    public int Line { get; init; }

    /// <summary>From 1. 0: not known.</summary>
    public int Column { get; init; }

    /// <summary>One line for a person; editors and terminals know its beginning as a place.</summary>
    public override string ToString()
    {
        var place = File is null ? "" : Line == 0 ? $"{File}: " : $"{File}:{Line}:{Column}: ";
        return Path.Length == 0 ? place + Message : $"{place}{Path}: {Message}";
    }
}
