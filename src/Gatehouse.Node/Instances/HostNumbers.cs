namespace Gatehouse.Node.Instances;

/// <summary>Host numbers of a subnetwork: .0 is the network, .1 the bridge, .63 the broadcast.</summary>
internal static class HostNumbers
{
    public const int First = 2;
    public const int Last = 62;

    /// <summary>Takes a number: fresh ones first come to their end, then the one that was given back first.</summary>
    /// <returns>Null when all 61 are taken.</returns>
    public static (NodeState State, int Host)? Take(NodeState state)
    {
        if (state.NextHost <= Last) return (state with { NextHost = state.NextHost + 1 }, state.NextHost);
        if (state.Freed.Count == 0) return null;
        return (state with { Freed = [.. state.Freed.Skip(1)] }, state.Freed[0]);
    }

    /// <summary>Gives a number back.</summary>
    public static NodeState Give(NodeState state, int host) => state with { Freed = [.. state.Freed, host] };
}
