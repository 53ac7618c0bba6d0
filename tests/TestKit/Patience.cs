namespace Gatehouse.TestKit;

/// <summary>How long tests wait for what should come, in real time.</summary>
public static class Patience
{
    /// <summary>
    /// What is not there after this much time fails the test. Nothing that a test waits for takes a tenth of it on an idle machine; the rest is for machines
    /// that do ten things at once.
    /// </summary>
    public static readonly TimeSpan Limit = TimeSpan.FromMinutes(2);
}
