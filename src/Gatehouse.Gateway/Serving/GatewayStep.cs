using Gatehouse.Objects.Kinds;

namespace Gatehouse.Gateway.Serving;

/// <summary>What the role should do next about its gateway host.</summary>
internal enum GatewayAct
{
    /// <summary>This worker serves no gateway: nothing may listen.</summary>
    Stop,

    /// <summary>Say to the cluster that the role is up.</summary>
    Register,

    /// <summary>Listen on the internal addresses, with what is known.</summary>
    Serve,

    /// <summary>It listens: say that the gateway forwards.</summary>
    ReportReady,

    /// <summary>Nothing is to be done.</summary>
    Rest,
}

/// <summary>How far the role is, for <see cref="GatewayStep.Next"/>.</summary>
/// <param name="Gateway">The gateway host with this worker in its status; null when there is none.</param>
/// <param name="RegisteredAs">The identifier that this process registered under; null before.</param>
/// <param name="IsListening">Whether the management API listens on the present internal IPv4 address.</param>
/// <param name="IsWhole">Whether it listens on every internal address, with a certificate that is not due.</param>
internal sealed record GatewayProgress(GatewayHost? Gateway, string? RegisteredAs, bool IsListening, bool IsWhole);

/// <summary>The order of the role's acts. Pure.</summary>
internal static class GatewayStep
{
    /// <summary>The acts that are due, in order. Each may fail without harm to the next: what is served goes on while the cluster is away.</summary>
    public static IReadOnlyList<GatewayAct> Next(GatewayProgress progress)
    {
        if (progress.Gateway is not { Status: { } status }) return [GatewayAct.Stop];
        var acts = new List<GatewayAct>();
        if (progress.RegisteredAs != status.GatewayId || status.Phase == GatewayHostPhase.Scheduled) acts.Add(GatewayAct.Register);
        if (!progress.IsWhole) acts.Add(GatewayAct.Serve);

        // On a host without IPv6 it never becomes whole; the IPv4 address is there once the node role has set up the bridge.
        if (progress.IsListening && status.Phase == GatewayHostPhase.Registered) acts.Add(GatewayAct.ReportReady);
        return acts.Count > 0 ? acts : [GatewayAct.Rest];
    }
}
