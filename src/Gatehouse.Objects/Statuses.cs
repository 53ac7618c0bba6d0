namespace Gatehouse.Objects;

/// <summary>Refusals in Kubernetes' shape.</summary>
public static class Statuses
{
    /// <summary>422 with every fault; null without faults.</summary>
    public static Status? Invalid(KindInfo kind, string name, IEnumerable<Fault> faults)
    {
        var all = faults.ToList();
        return all.Count == 0 ? null : Invalid($"{kind.Kind}.{kind.Group} \"{name}\"", new StatusDetails(name, kind.Group, kind.Kind), all);
    }

    /// <summary>422 with every fault of something that is no object.</summary>
    /// <param name="what">What the faults belong to, for people.</param>
    public static Status Invalid(string what, StatusDetails? details, IReadOnlyList<Fault> faults) => new()
    {
        Code = 422,
        Reason = StatusReason.Invalid,
        Message = $"{what} is invalid: {string.Join("; ", faults)}",
        Details = (details ?? new StatusDetails()) with { Causes = [.. faults.Select(f => new StatusCause("FieldValueInvalid", f.ToString(), f.Field))] },
    };

    /// <summary>Any other refusal.</summary>
    public static Status Refused(int code, string reason, string message) => new() { Code = code, Reason = reason, Message = message };
}
