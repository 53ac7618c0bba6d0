using Gatehouse.Api.Server;
using Gatehouse.Objects;
using Gatehouse.Objects.Kinds;

namespace Gatehouse.Api.Identity;

/// <summary>Refuses tokens for roles that don't join at this server: their owner would find out on another machine.</summary>
internal sealed class JoinTokenAdmission(EnrollmentOptions options) : IAdmission
{
    /// <inheritdoc/>
    public IReadOnlyCollection<KindInfo> Kinds { get; } = [JoinToken.Info];

    /// <inheritdoc/>
    public ValueTask<Status?> AdmitAsync(AdmissionRequest request, CancellationToken cancellation)
    {
        if (request.Verb == AdmissionVerb.Delete || request.Read<JoinToken>()?.Spec.Role is not { } role || options.Roles.Contains(role, StringComparer.Ordinal)) return new((Status?)null);
        return new(request.Invalid([new Fault("spec.role", role, $"must be one that joins here: {string.Join(", ", options.Roles)}")]));
    }

    /// <inheritdoc/>
    public void Abandon(AdmissionRequest request)
    {
    }
}
