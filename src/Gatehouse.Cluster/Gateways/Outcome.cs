using Gatehouse.Objects;

namespace Gatehouse.Cluster.Gateways;

/// <summary>What was asked for, or the refusal; never both.</summary>
internal readonly record struct Outcome<T>(T? Value, Status? Refusal)
    where T : class
{
    /// <summary>Done.</summary>
    public static Outcome<T> Done(T value) => new(value, null);

    /// <summary>Refused.</summary>
    public static Outcome<T> Refused(Status refusal) => new(null, refusal);
}
