using Gatehouse.Api.Server;
using Gatehouse.Objects;
using Gatehouse.Objects.Kinds;

namespace Gatehouse.Cluster.Workers;

/// <summary>Keeps what a worker writes its own after the write too; the authorizer judges the object as it is stored.</summary>
internal sealed class WorkerAdmission : IAdmission
{
    /// <inheritdoc/>
    public IReadOnlyCollection<KindInfo> Kinds { get; } = [Worker.Info, Interest.Info];

    /// <inheritdoc/>
    public ValueTask<Status?> AdmitAsync(AdmissionRequest request, CancellationToken cancellation)
    {
        if (request.Verb == AdmissionVerb.Create && request.Kind == Worker.Info && !Names.IsLabel(request.Key.Name))
            return new(request.Invalid([new Fault("metadata.name", request.Key.Name, Names.LabelRule)]));
        if (request.Kind != Interest.Info || request.Verb == AdmissionVerb.Delete || request.User.Worker is not { } worker) return new((Status?)null);
        var holder = request.Object["spec"]?["holder"]?.ToString();
        return new(holder == worker ? null : request.Forbidden($"spec.holder must be {worker}, not {holder ?? "absent"}"));
    }

    /// <inheritdoc/>
    public void Abandon(AdmissionRequest request)
    {
    }
}
