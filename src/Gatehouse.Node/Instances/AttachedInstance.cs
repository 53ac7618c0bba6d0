using System.Text.Json.Serialization;
using Gatehouse.Objects.Kinds;

namespace Gatehouse.Node.Instances;

/// <summary>An instance that is attached here, as it is kept on disk.</summary>
internal sealed record AttachedInstance
{
    /// <summary>Name of the service, in lower case.</summary>
    public required string Service { get; set; }

    public required int Number { get; set; }

    /// <summary>Host number in the worker's subnetwork, 2 to 62.</summary>
    public required int Host { get; set; }

    /// <summary>The process whose namespace it is; 0 when it is a named one alone.</summary>
    public int Pid { get; set; }

    /// <summary>Start time of the process, in ticks since boot: a pid is given out again, both together are not.</summary>
    public ulong StartTime { get; set; }

    /// <summary>Name of the network namespace; null when it is the process's own.</summary>
    public string? NamespaceName { get; set; }

    /// <summary>Whether this node started the process and made the namespace.</summary>
    public bool Owned { get; set; }

    /// <summary>Host port to instance port, as <c>80:8080/tcp;53:53/udp</c>.</summary>
    public string? PortMappings { get; set; }

    /// <summary>The instance address, once the cluster has told it.</summary>
    public AddressPair? Address { get; set; }

    /// <summary>Its namespace address, as reported to the cluster.</summary>
    public AddressPair? Namespace { get; set; }

    /// <summary>Whether the cluster had an object of it: when that is missing later, the instance was deleted.</summary>
    public bool Declared { get; set; }

    /// <summary>Whether this worker made that object, since nobody else had: it goes with the instance when that is detached for good.</summary>
    public bool Brought { get; set; }

    /// <summary>Name of the <see cref="FabricInstance"/>.</summary>
    [JsonIgnore]
    public string Name => $"{Service}.{Number}";
}
