using System.Diagnostics.Metrics;

namespace Gatehouse.Api.Identity;

/// <summary>What a member's identity counts.</summary>
internal static class IdentityMetrics
{
    private static readonly Meter Meter = new("Gatehouse.Api.Identity");

    /// <summary>By outcome: <c>renewed</c>, <c>failed</c>.</summary>
    public static readonly Counter<long> Renewals =
        Meter.CreateCounter<long>("gatehouse.identity.renewals", "{attempt}", "Attempts to renew the member's certificate.");

    /// <summary>As of the last attempt; negative when it is over.</summary>
    public static readonly Gauge<double> Remaining =
        Meter.CreateGauge<double>("gatehouse.identity.remaining", "s", "Life left of the member's certificate.");
}
