using System.Text.Json;
using System.Text.Json.Nodes;
using Gatehouse.Api.Client;
using Gatehouse.Api.Server;
using Gatehouse.Objects;
using Gatehouse.Objects.Kinds;

namespace Gatehouse.Cluster.Services;

/// <summary>Keeps a copy of each of root's services that has instances here, and declares at root what was declared here.</summary>
internal sealed class ServiceReconciler(ClusterState state)
{
    /// <summary>The label of copies, which go when the last instance here goes; services that were declared here stay.</summary>
    public const string CopyLabel = "gatehouse.dev/copy-of-root";

    /// <summary>One service.</summary>
    public async Task<DateTimeOffset?> StepAsync(string name, CancellationToken cancellation)
    {
        if (state.Upstream is not { } upstream) return null;
        var (feed, here, atRoot) = (state.Feeds.Services, state.Feeds.Services.Find(name), upstream.Services.Find(name));
        var isUsed = state.InstanceIndex.OfService(name).Count > 0;
        switch (ServicePlan.Decide(here, atRoot, isUsed, upstream.Services.IsConfirmed))
        {
            case ServiceAct.CopyDown:
                feed.Observe(await state.Local.CreateAsync(ServicePlan.CopyOf(atRoot!), cancellation));
                break;
            case ServiceAct.Upload:
                await UploadAsync(here!, upstream, cancellation);
                break;
            case ServiceAct.Follow:
                feed.Observe(await state.Local.UpdateAsync(here! with { Spec = atRoot!.Spec }, cancellation));
                break;
            case ServiceAct.TakeStatus:
                feed.Observe(await state.Local.UpdateStatusAsync(here! with { Status = atRoot!.Status }, cancellation));
                break;
            case ServiceAct.Drop:
                await state.Local.DeleteAsync<FabricService>(name, new DeletePreconditions(here!.Metadata.Uid), cancellation);
                break;
        }

        return null;
    }

    private async Task UploadAsync(FabricService here, Upstream.RootLink upstream, CancellationToken cancellation)
    {
        var wanted = new FabricService { Metadata = new ObjectMeta { Name = here.Metadata.Name, Labels = here.Metadata.Labels }, Spec = here.Spec };
        string? message;
        try
        {
            upstream.Services.Note(await upstream.Root.CreateAsync(wanted, cancellation));
            state.MarkService(here.Metadata.Name);
            return;
        }
        catch (ApiStatusException e) when (e.Is(StatusReason.AlreadyExists))
        {
            if (await upstream.Root.GetAsync<FabricService>(here.Metadata.Name, cancellation) is { } known) upstream.Services.Note(known);
            state.MarkService(here.Metadata.Name);
            return;
        }
        catch (ApiStatusException e)
        {
            message = $"root refuses it: {e.Message}";
        }
        catch (ApiUnreachableException)
        {
            message = "waits for root, which is away, to give it addresses";
        }

        var status = here.Status ?? new FabricServiceStatus();
        if (status.Message != message) state.Feeds.Services.Observe(await state.Local.UpdateStatusAsync(here with { Status = status with { Message = message } }, cancellation));
        throw new ApiUnreachableException(message, null);
    }
}

/// <summary>What is to be done for a service.</summary>
internal enum ServiceAct
{
    None,
    CopyDown,
    Upload,
    Follow,
    TakeStatus,
    Drop,
}

/// <summary>Decides on one service. Pure.</summary>
internal static class ServicePlan
{
    /// <summary>The next act.</summary>
    /// <param name="isUsed">Whether it has instances here.</param>
    /// <param name="isConfirmed">Whether root was heard, so that a missing service is missing there.</param>
    public static ServiceAct Decide(FabricService? here, FabricService? atRoot, bool isUsed, bool isConfirmed)
    {
        if (here is null) return atRoot is not null && isUsed ? ServiceAct.CopyDown : ServiceAct.None;
        var isCopy = here.Metadata.Labels?.ContainsKey(ServiceReconciler.CopyLabel) == true;
        if (atRoot is null)
        {
            if (!isCopy) return ServiceAct.Upload;
            return isConfirmed ? ServiceAct.Drop : ServiceAct.None;
        }

        if (isCopy && !isUsed) return ServiceAct.Drop;
        if (!SameSpec(here.Spec, atRoot.Spec)) return ServiceAct.Follow;
        return SameStatus(here.Status, atRoot.Status) ? ServiceAct.None : ServiceAct.TakeStatus;
    }

    /// <summary>The cluster's copy.</summary>
    public static FabricService CopyOf(FabricService atRoot) => new()
    {
        Metadata = new ObjectMeta
        {
            Name = atRoot.Metadata.Name,
            Labels = new Dictionary<string, string>(atRoot.Metadata.Labels ?? new Dictionary<string, string>(), StringComparer.Ordinal) { [ServiceReconciler.CopyLabel] = "true" },
        },
        Spec = atRoot.Spec,
    };

    private static bool SameSpec(FabricServiceSpec a, FabricServiceSpec b) => JsonNode.DeepEquals(
        JsonSerializer.SerializeToNode(a, ObjectsJson.Default.FabricServiceSpec), JsonSerializer.SerializeToNode(b, ObjectsJson.Default.FabricServiceSpec));

    private static bool SameStatus(FabricServiceStatus? a, FabricServiceStatus? b) =>
        a is not null && b is not null && a.Message == b.Message && a.Addresses.SequenceEqual(b.Addresses);
}

/// <summary>Fills a service's addresses in the write that makes the copy.</summary>
internal sealed class ServiceAdmission(Func<string, FabricService?> atRoot) : IAdmission
{
    /// <inheritdoc/>
    public IReadOnlyCollection<KindInfo> Kinds { get; } = [FabricService.Info];

    /// <inheritdoc/>
    public ValueTask<Status?> AdmitAsync(AdmissionRequest request, CancellationToken cancellation)
    {
        if (request.Verb == AdmissionVerb.Create && atRoot(request.Key.Name)?.Status is { } status) request.SetStatus(status, ObjectsJson.Default.FabricServiceStatus);
        return new((Status?)null);
    }

    /// <inheritdoc/>
    public void Abandon(AdmissionRequest request)
    {
    }
}
