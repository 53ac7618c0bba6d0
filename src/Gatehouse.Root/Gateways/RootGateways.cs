using Gatehouse.Api.Client;
using Gatehouse.Api.Gateways;
using Gatehouse.Api.Reconciling;
using Gatehouse.Api.Server;
using Gatehouse.Objects;
using Gatehouse.Objects.Kinds;
using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Http;
using Microsoft.AspNetCore.Routing;
using KindCluster = Gatehouse.Objects.Kinds.Cluster;

namespace Gatehouse.Root.Gateways;

/// <summary>Root's part in gateways: takes descriptors and checks gateway hosts and exposures. Clusters read them and do the rest.</summary>
public sealed class RootGateways(IReadOnlyList<ReservedPort>? reserved = null)
{
    /// <summary>POST a descriptor; GET lists what was published.</summary>
    public const string Path = "/api/gateway";

    private readonly GatewayTables _tables = new();
    private readonly List<Func<CancellationToken, Task>> _follow = [];
    private IObjectClient? _local;

    /// <summary>What takes part in writes at root's API server.</summary>
    public IReadOnlyList<IAdmission> Admissions => field ??= [new GatewayAdmission(_tables, reserved ?? ReservedPort.Defaults)];

    /// <summary>Adds the endpoints, on root's API server and on its Oakestra listener alike; they want an operator.</summary>
    public void Map(IEndpointRouteBuilder endpoints)
    {
        endpoints.MapPost(Path, PublishAsync);
        endpoints.MapGet(Path, ListAsync);
    }

    /// <summary>Reads what there is. Before the server listens.</summary>
    public async Task LoadAsync(IObjectClient local, TimeProvider time, CancellationToken cancellation)
    {
        _local = local;
        await FollowAsync<GatewayHost>(time, _tables.OnHost, cancellation);
        await FollowAsync<Exposure>(time, _tables.OnExposure, cancellation);
        await FollowAsync<KindCluster>(time, _tables.OnCluster, cancellation);
        await FollowAsync<Peer>(time, _tables.OnPeer, cancellation);
    }

    /// <summary>Follows changes until cancelled.</summary>
    public Task RunAsync(CancellationToken cancellation) => Task.WhenAll(_follow.Select(follow => follow(cancellation)));

    private async Task FollowAsync<T>(TimeProvider time, Action<string, T?> apply, CancellationToken cancellation)
        where T : ApiObject, IKind<T>
    {
        var feed = new ObjectFeed<T>(_local!, time, change =>
        {
            if (change.Object is { } value) apply(value.Metadata.Name, change.Type == ObjectEventType.Deleted ? null : value);
        });
        await feed.LoadAsync(cancellation);
        _follow.Add(feed.RunAsync);
    }

    private static Status? RefuseCaller(HttpContext context) => context.GetUser() is { IsMaster: true }
        ? null
        : Statuses.Refused(StatusCodes.Status403Forbidden, StatusReason.Forbidden, $"{context.GetUser()?.Name ?? "nobody"} may not publish gateways: an operator may");

    private async Task PublishAsync(HttpContext context)
    {
        var cancellation = context.RequestAborted;
        if (RefuseCaller(context) is { } refusal)
        {
            await JsonBody.WriteAsync(context.Response, refusal, cancellation);
            return;
        }

        if (await JsonBody.ReadTextAsync(context.Request, cancellation) is not { } document)
        {
            await JsonBody.WriteAsync(
                context.Response,
                Statuses.Refused(StatusCodes.Status413PayloadTooLarge, StatusReason.RequestEntityTooLarge, $"the descriptor is longer than {JsonBody.MaxBytes} bytes"),
                cancellation);
            return;
        }

        var outcome = await new GatewayIntake(_tables, _local!).PublishAsync(document, cancellation);
        if (outcome.Refusal is { } refused) await JsonBody.WriteAsync(context.Response, refused with { Message = refused.Message + Postscript(outcome) }, cancellation);
        else await WriteAcceptedAsync(context, outcome, cancellation);
    }

    private static string Postscript(IntakeOutcome outcome) => outcome.Warnings.Count == 0 ? "" : $" (also: {string.Join("; ", outcome.Warnings)})";

    private static Task WriteAcceptedAsync(HttpContext context, IntakeOutcome outcome, CancellationToken cancellation)
    {
        var host = outcome.Host!;
        var answer = new PublishedGateway(
            outcome.IsNew ? $"gateway {host.Metadata.Name} was handed to cluster {host.Spec.Cluster}" : $"gateway {host.Metadata.Name} was published before, exactly so",
            host.Metadata.Name, host.Status?.GatewayId ?? host.Spec.GatewayId, host.Spec.Cluster, host.Status?.Phase.ToString() ?? nameof(GatewayHostPhase.Pending), outcome.Warnings);
        return JsonBody.WriteAsync(context.Response, outcome.IsNew ? StatusCodes.Status201Created : StatusCodes.Status200OK, answer, RootGatewayJson.Default.PublishedGateway, cancellation);
    }

    private async Task ListAsync(HttpContext context)
    {
        var cancellation = context.RequestAborted;
        if (RefuseCaller(context) is { } refusal)
        {
            await JsonBody.WriteAsync(context.Response, refusal, cancellation);
            return;
        }

        var hosts = (await _local!.ListAsync<GatewayHost>(Selection.All, cancellation)).Items;
        PublishedGateway[] all = [.. hosts.OrderBy(h => h.Metadata.Name, StringComparer.Ordinal).Select(h => new PublishedGateway(
            h.Status?.Message ?? "", h.Metadata.Name, h.Status?.GatewayId ?? h.Spec.GatewayId, h.Spec.Cluster, h.Status?.Phase.ToString() ?? nameof(GatewayHostPhase.Pending), []))];
        await JsonBody.WriteAsync(context.Response, StatusCodes.Status200OK, all, RootGatewayJson.Default.PublishedGatewayArray, cancellation);
    }
}
