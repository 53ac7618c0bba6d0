namespace Gatehouse.Node.Doctor;

/// <summary>How bad a finding is.</summary>
internal enum Severity
{
    /// <summary>As it should be, or harmless to know.</summary>
    Good,

    /// <summary>Some things go wrong or slow.</summary>
    Warning,

    /// <summary>The overlay does not work.</summary>
    Broken,
}

/// <summary>One thing that the doctor looked at.</summary>
/// <param name="Name">Short, for a table.</param>
/// <param name="Seen">What is.</param>
/// <param name="Breaks">What does not work because of it; null when nothing.</param>
/// <param name="Cure">What to do; null when nothing.</param>
internal sealed record Finding(string Name, Severity Severity, string Seen, string? Breaks = null, string? Cure = null)
{
    public static Finding Fine(string name, string seen) => new(name, Severity.Good, seen);
}
