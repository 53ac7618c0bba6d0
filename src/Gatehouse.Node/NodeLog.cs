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
}
