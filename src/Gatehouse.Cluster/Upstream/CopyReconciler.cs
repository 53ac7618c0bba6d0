using System.Text.Json;
using System.Text.Json.Nodes;
using Gatehouse.Api.Client;
using Gatehouse.Api.Reconciling;
using Gatehouse.Objects;

namespace Gatehouse.Cluster.Upstream;

/// <summary>
/// Keeps a copy of root's object here, spec from root, status from here: for kinds that root declares and the cluster carries out. Objects that were declared here
/// are left alone.
/// </summary>
/// <param name="keep">Changes the spec that comes from root before it replaces the one here: (from root, here).</param>
internal sealed class CopyReconciler<T>(IObjectClient local, RootLink? upstream, Mirror<T>? mirror, ObjectFeed<T> feed, Action<JsonObject, JsonObject> keep)
    where T : ApiObject, IKind<T>
{
    private const string UpstreamUid = Instances.InstancePlan.UpstreamUid;

    /// <summary>One object.</summary>
    public async Task<DateTimeOffset?> StepAsync(string name, CancellationToken cancellation)
    {
        if (mirror is null || upstream is null) return null;
        var (here, atRoot) = (feed.Find(name), mirror.Find(name));
        var uid = here?.Metadata.Annotations?.GetValueOrDefault(UpstreamUid);
        if (atRoot is null)
        {
            if (here is not null && uid is not null && mirror.IsConfirmed) await DropAsync(here, cancellation);
        }
        else if (here is null)
        {
            if (atRoot.Metadata.DeletionTimestamp is null) feed.Observe(await local.CreateAsync(CopyOf(atRoot), cancellation));
        }
        else if (uid is not null && uid != atRoot.Metadata.Uid)
        {
            await DropAsync(here, cancellation);
        }
        else if (uid is not null)
        {
            await CompareAsync(here, atRoot, cancellation);
        }

        return null;
    }

    private Task DropAsync(T here, CancellationToken cancellation) =>
        here.Metadata.DeletionTimestamp is null ? local.DeleteAsync<T>(here.Key, new DeletePreconditions(here.Metadata.Uid), cancellation) : Task.CompletedTask;

    private async Task CompareAsync(T here, T atRoot, CancellationToken cancellation)
    {
        if (atRoot.Metadata.DeletionTimestamp is not null) await DropAsync(here, cancellation);
        var (mine, theirs) = (Json(here), Json(atRoot));
        if (theirs["spec"] is JsonObject wanted && mine["spec"] is JsonObject known)
        {
            var next = wanted.DeepClone().AsObject();
            keep(next, known);
            if (!JsonNode.DeepEquals(next, known))
            {
                mine["spec"] = next;
                feed.Observe(await local.UpdateAsync(Object(mine), cancellation));
                return;
            }
        }

        if (mine["status"] is not { } status || JsonNode.DeepEquals(status, theirs["status"])) return;
        theirs["status"] = status.DeepClone();
        mirror!.Note(await upstream!.Root.UpdateStatusAsync(Object(theirs), cancellation));
    }

    private static T CopyOf(T atRoot)
    {
        var copy = Json(atRoot);
        copy["metadata"] = new JsonObject
        {
            ["name"] = atRoot.Metadata.Name,
            ["labels"] = copy["metadata"]?["labels"]?.DeepClone(),
            ["annotations"] = new JsonObject { [UpstreamUid] = atRoot.Metadata.Uid },
        };
        copy.Remove("status");
        return Object(copy);
    }

    private static JsonObject Json(T value) => JsonSerializer.SerializeToNode(value, T.Info.Json)!.AsObject();

    private static T Object(JsonObject json) => json.Deserialize(T.Info.Json)!;
}
