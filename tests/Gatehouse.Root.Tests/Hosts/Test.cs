global using static Gatehouse.TestHosts.Test;

namespace Gatehouse.TestHosts;

internal static class Test
{
    /// <summary>Cancelled when the run is.</summary>
    public static CancellationToken Ct => TestContext.Current.CancellationToken;
}
