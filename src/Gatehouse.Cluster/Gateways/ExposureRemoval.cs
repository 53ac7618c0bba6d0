using System.Text.Json.Nodes;
using Gatehouse.Api.Client;
using Gatehouse.Objects.Kinds;

namespace Gatehouse.Cluster.Gateways;

/// <summary>Removes an exposure of which nothing is left in a kernel: at root first, where it was declared there, or the sync would bring it back.</summary>
internal sealed class ExposureRemoval(IObjectClient local, IObjectClient? root)
{
    /// <summary>Removes the object.</summary>
    /// <exception cref="ApiUnreachableException">Root is away; the object stays, withdrawn, until it is back.</exception>
    public async Task RemoveAsync(Exposure exposure, CancellationToken cancellation)
    {
        if (exposure.Spec.Withdraw && Origin.IsRoot(exposure.Metadata) && root is not null) await root.DeleteAsync<Exposure>(exposure.Metadata.Name, null, cancellation);
        if (exposure.Metadata.DeletionTimestamp is null && !await local.DeleteAsync<Exposure>(exposure.Metadata.Name, Same(exposure), cancellation)) return;
        if (exposure.Metadata.Finalizers is not { Count: > 0 } finalizers || !finalizers.Contains(Exposure.DrainFinalizer, StringComparer.Ordinal)) return;
        var kept = new JsonArray([.. finalizers.Where(f => f != Exposure.DrainFinalizer).Select(f => JsonValue.Create(f))]);
        var patch = new JsonObject { ["metadata"] = new JsonObject { ["finalizers"] = kept } }.ToJsonString();
        await local.MergePatchAsync<Exposure>(exposure.Metadata.Name, patch, null, cancellation);
    }

    private static DeletePreconditions? Same(Exposure exposure) => exposure.Metadata.Uid is { } uid ? new DeletePreconditions(Uid: uid) : null;
}
