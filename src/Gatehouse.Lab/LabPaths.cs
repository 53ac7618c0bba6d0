namespace Gatehouse.Lab;

/// <summary>Where things are in a lab's directory.</summary>
/// <param name="Directory">Absolute.</param>
public sealed record LabPaths(string Directory)
{
    /// <summary>A program <c>gatehouse</c> for the PATH of the lab's hosts.</summary>
    public string Binaries => Path.Combine(Directory, "bin");

    /// <summary>The sockets on which roles say that they are ready.</summary>
    public string Notifications => Path.Combine(Directory, "notify");

    /// <summary>The state of one role on one host.</summary>
    public string State(string host, string role) => Path.Combine(Directory, "hosts", host, role);

    /// <summary>What a role's process writes.</summary>
    public string Log(string host, string role) => Path.Combine(Directory, "logs", $"{host}.{role}.log");

    /// <summary>The join token of one role on one host.</summary>
    public string Token(string host, string role) => Path.Combine(Directory, "tokens", $"{host}.{role}");

    /// <summary>The operator's access to the API server of a host: root's own, else that of the host's cluster. Null for the outside host, which has none.</summary>
    public string? Kubeconfig(LabHost host) => host switch
    {
        { Kind: LabHostKind.Root } => Path.Combine(State(host.Name, LabRoles.Root), "admin.kubeconfig"),
        { Cluster: { } cluster } => Path.Combine(State(cluster, LabRoles.Cluster), "admin.kubeconfig"),
        _ => null,
    };
}
