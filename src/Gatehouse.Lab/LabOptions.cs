using System.Text.RegularExpressions;

namespace Gatehouse.Lab;

/// <summary>What the operator wants of a lab.</summary>
public sealed partial record LabOptions
{
    /// <summary>Letters, digits and hyphens, at most 20, beginning with a letter. Several labs live side by side under different names.</summary>
    public string Name { get; init; } = "lab";

    /// <summary>Workers of each cluster, 1 to 100. The last one of each cluster is the gateway. Default 3.</summary>
    public int Workers { get; init; } = 3;

    /// <summary>Clusters, 1 to 16. Default 1.</summary>
    public int Clusters { get; init; } = 1;

    /// <summary>The address family of the underlay that the workers' tunnels use. Default <see cref="UnderlayFamily.Ipv4"/>.</summary>
    public UnderlayFamily Underlay { get; init; }

    /// <summary>Where the lab keeps its state file, logs and the roles' state; it makes the directory and removes it. Absolute.</summary>
    public required string Directory { get; init; }

    /// <summary>Program and leading arguments that start <c>gatehouse</c>.</summary>
    public required IReadOnlyList<string> Program { get; init; }

    /// <summary>Everything that is wrong with the options, one line for each fault.</summary>
    public IReadOnlyList<string> Faults()
    {
        List<string> faults = [];
        if (!NamePattern().IsMatch(Name)) faults.Add($"--name: '{Name}' is not valid: letters, digits and hyphens, 1 to 20, beginning with a letter");
        if (Workers is < 1 or > 100) faults.Add($"--workers: '{Workers}' is not valid: 1 to 100 for each cluster");
        if (Clusters is < 1 or > 16) faults.Add($"--clusters: '{Clusters}' is not valid: 1 to 16");
        if (!Path.IsPathRooted(Directory)) faults.Add($"--directory: '{Directory}' is not valid: an absolute path");

        // A Unix socket's path has room for 107 bytes (unix(7)); the lab's longest is DIRECTORY/notify/NAME.sock.
        if (Directory.Length > 64) faults.Add($"--directory: '{Directory}' is not valid: at most 64 characters, because sockets live under it");
        return faults;
    }

    [GeneratedRegex("^[a-z][a-z0-9-]{0,19}$", RegexOptions.None, matchTimeoutMilliseconds: 1000)]
    private static partial Regex NamePattern();
}

/// <summary>Which addresses the tunnels use outside.</summary>
public enum UnderlayFamily
{
    Ipv4,
    Ipv6,
}
