namespace Gatehouse.Repo.Tests;

/// <summary>What a project may stand on; the table of the architecture, as data.</summary>
/// <param name="Name">The rank.</param>
/// <param name="Projects">Its projects; not all of them exist yet.</param>
/// <param name="May">The projects that these may reference.</param>
/// <param name="Why">Said when one references something else.</param>
internal sealed record Rank(string Name, IReadOnlyList<string> Projects, IReadOnlyList<string> May, string Why);

/// <summary>The ranks, from the ground up. A change here is a change of the architecture and needs a decision record.</summary>
internal static class DependencyTable
{
    private static readonly string[] Pure = ["Gatehouse.Objects", "Gatehouse.Addressing", "Gatehouse.Wire"];

    public static IReadOnlyList<Rank> Ranks { get; } =
    [
        new("pure", ["Gatehouse.Objects", "Gatehouse.Addressing"], [],
            "pure projects know nothing but .NET, so that they can be tested without any machine"),
        new("pure (codecs)", ["Gatehouse.Wire"], ["Gatehouse.Addressing"],
            "codecs work on bytes and addresses and on nothing else"),
        new("border: store", ["Gatehouse.Store"], ["Gatehouse.Objects"],
            "the store keeps opaque values; who reads and writes them is not its business"),
        new("border: kernel", ["Gatehouse.Linux"], ["Gatehouse.Addressing", "Gatehouse.Wire"],
            "system calls and nothing else: no objects, no roles"),
        new("engine: API", ["Gatehouse.Api"], ["Gatehouse.Objects", "Gatehouse.Store", "Gatehouse.Wire"],
            "the API serves objects out of a store; it does not touch the kernel and knows no role"),
        new("engine: proxy", ["Gatehouse.Proxy"], ["Gatehouse.Addressing", "Gatehouse.Wire", "Gatehouse.Linux"],
            "the proxy engine runs alone from a snapshot: it must not need objects or the API"),
        new("role",
            [
                "Gatehouse.Root", "Gatehouse.Cluster", "Gatehouse.Node", "Gatehouse.Gateway", "Gatehouse.Edge", "Gatehouse.KubeGateway", "Gatehouse.Pool", "Gatehouse.Console",
            ],
            [.. Pure, "Gatehouse.Linux", "Gatehouse.Api", "Gatehouse.Proxy"],
            "roles meet in objects alone: a role never references a role, and it reaches the store through the API, never directly"),
        new("tool: lab", ["Gatehouse.Lab"], ["Gatehouse.Linux"],
            "the lab makes hosts; what runs on them is started as a program"),
    ];

    /// <summary>The one project that sees everything.</summary>
    public const string Host = "Gatehouse";
}
