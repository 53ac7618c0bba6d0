using System.Collections.Frozen;
using Gatehouse.Objects.Kinds;

namespace Gatehouse.Objects;

/// <summary>Every kind that Gatehouse knows. The one place to add one.</summary>
public static class KindTable
{
    /// <summary>In the order in which discovery lists them.</summary>
    public static IReadOnlyList<KindInfo> All { get; } =
    [
        Cluster.Info,
        Worker.Info,
        Subnetwork.Info,
        AddressLease.Info,
        FabricService.Info,
        FabricInstance.Info,
        Interest.Info,
        Peer.Info,
        GatewayHost.Info,
        Exposure.Info,
        JoinToken.Info,
        Lease.Info,
    ];

    private static readonly FrozenDictionary<string, KindInfo> ByPlural =
        All.ToFrozenDictionary(k => $"{k.Group}/{k.Version}/{k.Plural}", StringComparer.Ordinal);

    /// <summary>The kind behind a path, or null.</summary>
    public static KindInfo? Find(string group, string version, string plural) =>
        ByPlural.GetValueOrDefault($"{group}/{version}/{plural}");

    /// <summary>The kind that a person means: plural, singular, kind or short name, with or without <c>.group</c>; or null.</summary>
    public static KindInfo? FindByWord(string word)
    {
        var dot = word.IndexOf('.', StringComparison.Ordinal);
        var name = dot < 0 ? word : word[..dot];
        var group = dot < 0 ? null : word[(dot + 1)..];
        return All.FirstOrDefault(k => (group is null || group == k.Group) && Answers(k, name));
    }

    private static bool Answers(KindInfo kind, string name) =>
        name.Equals(kind.Plural, StringComparison.OrdinalIgnoreCase)
        || name.Equals(kind.Kind, StringComparison.OrdinalIgnoreCase)
        || kind.ShortNames.Contains(name, StringComparer.OrdinalIgnoreCase);
}
