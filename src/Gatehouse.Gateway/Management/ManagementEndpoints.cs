using Gatehouse.Api.Client;
using Gatehouse.Api.Gateways;
using Gatehouse.Api.Identity;
using Gatehouse.Objects;
using Gatehouse.Objects.Kinds;
using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Http;
using Microsoft.AspNetCore.Routing;

namespace Gatehouse.Gateway.Management;

/// <summary>What the management API needs of the role.</summary>
internal interface IGatewayView
{
    /// <summary>The gateway host that this worker serves; null while it serves none.</summary>
    GatewayHost? Gateway { get; }

    /// <summary>Its exposures, as the cluster said last.</summary>
    IEnumerable<Exposure> Exposures { get; }

    /// <summary>When the cluster last confirmed that.</summary>
    DateTimeOffset? AsOf { get; }

    /// <summary>Reports the host's listeners if they changed, so that the cluster decides on what is true now.</summary>
    Task RefreshListenersAsync(CancellationToken cancellation);
}

/// <summary>
/// The management API: adds, withdraws and lists exposures (Oakestra's gateway architecture, "Management API"). The cluster decides; without it nothing
/// changes and what there is goes on.
/// </summary>
internal sealed class ManagementEndpoints(IGatewayView view, GatewayClient cluster, ManagementCaller callers, ManagementMetrics metrics)
{
    /// <summary>Adds an exposure.</summary>
    public const string AddPath = "/api/service/exposure/add";

    /// <summary>Withdraws exposures.</summary>
    public const string DeletePath = "/api/service/exposure/delete";

    /// <summary>Lists exposures.</summary>
    public const string ListPath = "/api/service/exposure";

    /// <summary>Adds the endpoints.</summary>
    public void Map(IEndpointRouteBuilder endpoints)
    {
        endpoints.MapPost(AddPath, context => AnswerAsync(context, "add", AddAsync));
        endpoints.MapPost(DeletePath, context => AnswerAsync(context, "delete", DeleteAsync));
        endpoints.MapGet(ListPath, context => AnswerAsync(context, "list", ListAsync));
        endpoints.MapFallback(context => AnswerAsync(context, "unknown", (_, _, _) => throw new ApiStatusException(
            Statuses.Refused(StatusCodes.Status404NotFound, StatusReason.NotFound, $"there are POST {AddPath}, POST {DeletePath} and GET {ListPath}"))));
    }

    private async Task AddAsync(HttpContext context, GatewayHost gateway, UserInfo user)
    {
        var cancellation = context.RequestAborted;
        var (spec, faults) = ExposureRequest.ReadAdd(await BodyAsync(context));
        if (spec is null) throw new ApiStatusException(Statuses.Invalid("the exposure", null, faults));
        await view.RefreshListenersAsync(cancellation);
        var exposure = await cluster.AddAsync(gateway.Status!.GatewayId!, spec, cancellation);
        var answer = new ManagementAnswer($"{ExposureRules.PortName(spec.Protocol, spec.Port)} of gateway {gateway.Metadata.Name} was given to {user.Name}'s exposure {exposure.Metadata.Name}", [ExposureView.Of(exposure)]);
        await JsonBody.WriteAsync(context.Response, StatusCodes.Status201Created, answer, ManagementJson.Default.ManagementAnswer, cancellation);
    }

    private async Task DeleteAsync(HttpContext context, GatewayHost gateway, UserInfo user)
    {
        var cancellation = context.RequestAborted;
        var (request, faults) = ExposureRequest.ReadDelete(await BodyAsync(context));
        if (request is null) throw new ApiStatusException(Statuses.Invalid("the exposure to delete", null, faults));
        var withdrawn = (await cluster.WithdrawAsync(gateway.Status!.GatewayId!, request with { RequestedBy = user.Name }, cancellation)).Withdrawn;
        var answer = new ManagementAnswer("new connections are refused from now on; running ones may end until the deadline", [.. withdrawn.Select(ExposureView.Of)]);
        await JsonBody.WriteAsync(context.Response, StatusCodes.Status200OK, answer, ManagementJson.Default.ManagementAnswer, cancellation);
    }

    private Task ListAsync(HttpContext context, GatewayHost gateway, UserInfo user)
    {
        ExposureView[] exposures = [.. view.Exposures.OrderBy(e => e.Spec.Port).ThenBy(e => e.Metadata.Name, StringComparer.Ordinal).Select(ExposureView.Of)];
        var listing = new ExposureListing(gateway.Metadata.Name, gateway.Status?.GatewayId, view.AsOf, exposures);
        return JsonBody.WriteAsync(context.Response, StatusCodes.Status200OK, listing, ManagementJson.Default.ExposureListing, context.RequestAborted);
    }

    private static async Task<byte[]> BodyAsync(HttpContext context)
    {
        // Without a type it is taken for JSON, as the API server does; a form or a text is somebody's mistake.
        var type = context.Request.ContentType?.Split(';')[0].Trim() ?? "";
        if (type.Length > 0 && !type.Equals("application/json", StringComparison.OrdinalIgnoreCase))
            throw new ApiStatusException(Statuses.Refused(StatusCodes.Status415UnsupportedMediaType, StatusReason.UnsupportedMediaType, $"the body is {type}; application/json is expected"));
        return await JsonBody.ReadTextAsync(context.Request, context.RequestAborted) ?? throw new ApiStatusException(
            Statuses.Refused(StatusCodes.Status413PayloadTooLarge, StatusReason.RequestEntityTooLarge, $"the body is longer than {JsonBody.MaxBytes} bytes"));
    }

    /// <summary>Who calls, then what is asked, and every refusal as one shape.</summary>
    private async Task AnswerAsync(HttpContext context, string act, Func<HttpContext, GatewayHost, UserInfo, Task> handle)
    {
        var (user, refusal) = callers.Identify(context);
        try
        {
            if (user is not null)
            {
                var gateway = view.Gateway ?? throw new ApiStatusException(Statuses.Refused(503, StatusReason.ServiceUnavailable, "this worker serves no gateway at present"));
                await handle(context, gateway, user);
            }
        }
        catch (ApiStatusException e)
        {
            refusal = ExposureRequest.Translate(e.Status);
        }
        catch (ApiUnreachableException e)
        {
            refusal = Statuses.Refused(
                503,
                StatusReason.ServiceUnavailable,
                $"the cluster can't be reached, and it decides on exposures: try again later (adding twice is refused, never doubled); those that exist go on: {e.Message}");
        }

        if (refusal is not null)
        {
            if (refusal.Code == StatusCodes.Status401Unauthorized) context.Response.Headers.WWWAuthenticate = "Bearer realm=\"gatehouse\"";
            if (refusal.Code == StatusCodes.Status503ServiceUnavailable) context.Response.Headers.RetryAfter = "5";
            await JsonBody.WriteAsync(context.Response, refusal, context.RequestAborted);
        }

        metrics.Request(act, context.Response.StatusCode);
    }
}
