using Microsoft.Extensions.Logging;

namespace Gatehouse.Node;

/// <summary>What the node role logs. Method names are event names.</summary>
internal static partial class NodeLog
{
    [LoggerMessage(Level = LogLevel.Warning, Message = "the kernel refused a batch of {Count} elements, loading the whole tables: {Fault}")]
    public static partial void BatchRefused(this ILogger log, int count, string fault);

    [LoggerMessage(Level = LogLevel.Error, Message = "the kernel refused the tables; what it held before goes on: {Fault}")]
    public static partial void LoadRefused(this ILogger log, string fault);

    [LoggerMessage(Level = LogLevel.Warning, Message = "the cluster can't be reached, {Act}: {Fault}")]
    public static partial void ClusterUnreachable(this ILogger log, string act, string fault);

    [LoggerMessage(Level = LogLevel.Warning, Message = "the cluster refused, {Act}: {Fault}")]
    public static partial void ClusterRefused(this ILogger log, string act, string fault);

    [LoggerMessage(Level = LogLevel.Error, Message = "resolving {Address} failed; its packets are dropped")]
    public static partial void SlowPathFault(this ILogger log, string address, Exception fault);

    [LoggerMessage(Level = LogLevel.Error, Message = "the kernel refused an entry of a peer: {Fault}")]
    public static partial void PeerRefused(this ILogger log, string fault);

    [LoggerMessage(Level = LogLevel.Warning, Message = "peer {Peer} has tunnel port {Port}, this worker {Own}: it can't be reached until they agree")]
    public static partial void PeerPort(this ILogger log, string peer, int port, int own);

    [LoggerMessage(Level = LogLevel.Warning, Message = "peer {Peer} has underlay address {Underlay}, this worker {Own}: it can't be reached until both have one family")]
    public static partial void PeerFamily(this ILogger log, string peer, string underlay, string own);

    [LoggerMessage(Level = LogLevel.Warning, Message = "instance {Instance} is gone: {Fault}")]
    public static partial void InstanceLost(this ILogger log, string instance, string fault);

    [LoggerMessage(Level = LogLevel.Error, Message = "the state on disk was not as it should be: {Why}")]
    public static partial void StateRefused(this ILogger log, string why);

    [LoggerMessage(Level = LogLevel.Warning, Message = "this worker's subnetwork was {Former} and is {Now} from now on: its instances get other namespace addresses")]
    public static partial void SubnetworkChanged(this ILogger log, string former, string now);

    [LoggerMessage(Level = LogLevel.Warning, Message = "somebody changed what the cluster has as this worker's underlay, ports, public addresses or duties; putting them back")]
    public static partial void FactsAltered(this ILogger log);

    [LoggerMessage(Level = LogLevel.Warning, Message = "instance {Instance}, step {Step}: {Fault}")]
    public static partial void InstanceFault(this ILogger log, string instance, string step, string fault);

    [LoggerMessage(Level = LogLevel.Information, Message = "instance {Instance} ends: {Why}")]
    public static partial void InstanceEnds(this ILogger log, string instance, string why);

    [LoggerMessage(Level = LogLevel.Error, Message = "exposure {Exposure} is not served: this host needs port {Port} itself")]
    public static partial void ExposureRefused(this ILogger log, string exposure, int port);

    [LoggerMessage(Level = LogLevel.Warning, Message = "{Count} entries of peers were missing or wrong in the kernel and were mended")]
    public static partial void Repaired(this ILogger log, int count);

    [LoggerMessage(Level = LogLevel.Warning, Message = "the tables were gone, or not whole, and were loaded anew")]
    public static partial void TablesMissing(this ILogger log);

    [LoggerMessage(Level = LogLevel.Error, Message = "{Act}: {Fault}")]
    public static partial void KernelFault(this ILogger log, string act, string fault);

    [LoggerMessage(Level = LogLevel.Error, Message = "the underlay's MTU is {Mtu}, and IPv6 needs {Least}: this worker's overlay carries IPv4 alone until it is raised")]
    public static partial void Ipv6Lost(this ILogger log, int mtu, int least);

    [LoggerMessage(Level = LogLevel.Warning, Message = "the underlay's MTU is {Mtu}: the overlay carries IPv6 again")]
    public static partial void Ipv6Back(this ILogger log, int mtu);

    [LoggerMessage(Level = LogLevel.Warning, Message = "instance {Instance} runs here as process {Pid}, which the state did not have: taken in again")]
    public static partial void InstanceFound(this ILogger log, string instance, int pid);

    [LoggerMessage(Level = LogLevel.Warning, Message = "{What} is this node's and belongs to nothing that it has: removed")]
    public static partial void LeftoverRemoved(this ILogger log, string what);
}
