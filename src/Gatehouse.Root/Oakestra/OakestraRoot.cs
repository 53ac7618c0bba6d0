using System.Text.Json;
using System.Text.Json.Serialization.Metadata;
using Gatehouse.Api.Client;
using Gatehouse.Api.Identity;
using Gatehouse.Api.Server;
using Gatehouse.Objects;
using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Http;
using Microsoft.AspNetCore.Routing;

namespace Gatehouse.Root.Oakestra;

/// <summary>
/// Oakestra's HTTP surface at root (its service manager on port 10099), with its paths, bodies and successes; every other answer is JSON with the status that says what
/// is wrong. Who calls is known from a certificate or token, never from where the call comes from.
/// </summary>
internal sealed class OakestraRoot(OakestraJobs jobs, OakestraMembers members, OakestraNetInfo info, OakestraOptions options, Action<IEndpointRouteBuilder> mapGateways)
{
    /// <summary>The listeners that the options ask for.</summary>
    public IReadOnlyList<SideListener> Listeners =>
    [
        .. options.Listen.Select(e => new SideListener(e, Tls: false, MapForSystemManager, Refusals)),
        .. options.ListenTls.Select(e => new SideListener(e, Tls: true, MapForSystemManager, Refusals)),
    ];

    /// <summary>Every refusal on these paths, the server's own too, has the one shape.</summary>
    private static RefusalShape Refusals { get; } = new(static (context, status) => WriteAsync(context, status.Code, new OakestraError(status.Message, null), OakestraJson.Default.OakestraError));

    /// <summary>Adds the endpoints where every caller has to show who it is.</summary>
    public void Map(IEndpointRouteBuilder endpoints) => Map(endpoints, isAnonymous: false);

    private void MapForSystemManager(IEndpointRouteBuilder endpoints) => Map(endpoints, options.AllowAnonymousSystemManager);

    private void Map(IEndpointRouteBuilder all, bool isAnonymous)
    {
        var endpoints = all.MapGroup("").WithMetadata(Refusals);
        IEndpointConventionBuilder[] ofSystemManager =
        [
            endpoints.MapPost("/api/net/cluster", Answer(OfSystemManager(members.RegisterClusterAsync))),
            endpoints.MapPost("/api/net/service/deploy", Answer(OfSystemManager(jobs.DeployServiceAsync))),
            endpoints.MapDelete("/api/net/service/{id}", Answer(OfSystemManager(jobs.RemoveServiceAsync))),
            endpoints.MapPost("/api/net/instance/deploy", Answer(OfSystemManager(jobs.DeployInstanceAsync))),
            endpoints.MapDelete("/api/net/{id}/{number}", Answer(OfSystemManager(jobs.UndeployAsync))),
        ];
        foreach (var endpoint in isAnonymous ? ofSystemManager : []) endpoint.AllowAnonymous();
        endpoints.MapPost("/api/net/service/net_deploy_status", Answer(jobs.ReportAsync));
        endpoints.MapDelete("/api/net/interest/{job}", Answer(members.DropInterestAsync));
        endpoints.MapGet("/api/net/service/{name}/instances", Answer(members.ResolveNameAsync));
        endpoints.MapGet("/api/net/service/ip/{ip}/instances", Answer(members.ResolveAddressAsync));
        endpoints.MapGet("/api/net/subnet", Answer(members.LeaseSubnetAsync));
        endpoints.MapGet("/api/pubnet/service/netinfo/available-ip/{count?}", Answer(info.AvailableAsync));
        endpoints.MapGet("/api/pubnet/service/netinfo/{name}", Answer(info.ByNameAsync));
        endpoints.MapGet("/api/pubnet/service/netinfo/ip/{ip}", Answer(info.ByAddressAsync));
        mapGateways(all);
    }

    /// <summary>The caller, who must have shown who it is.</summary>
    public static UserInfo Caller(HttpContext context) =>
        context.GetUser() ?? throw new OakestraFault(401, "this call needs a client certificate or a bearer token");

    /// <summary>Writes a JSON success.</summary>
    public static Task WriteAsync<T>(HttpContext context, T value, JsonTypeInfo<T> json) => WriteAsync(context, 200, value, json);

    /// <summary>Writes a text success, as Oakestra does.</summary>
    public static Task WriteAsync(HttpContext context, string text)
    {
        context.Response.ContentType = "text/html; charset=utf-8";
        return context.Response.WriteAsync(text, context.RequestAborted);
    }

    private static async Task WriteAsync<T>(HttpContext context, int code, T value, JsonTypeInfo<T> json)
    {
        context.Response.StatusCode = code;
        context.Response.ContentType = "application/json";
        await JsonSerializer.SerializeAsync(context.Response.Body, value, json, context.RequestAborted);
    }

    // Nobody gets here without credentials but where the listener allows it; who shows some has to be an operator.
    private static Func<HttpContext, Task> OfSystemManager(Func<HttpContext, Task> act) => context => context.GetUser() is { IsMaster: false } user
        ? throw new OakestraFault(403, $"{user.Name} may not deploy: an operator may")
        : act(context);

    // The one place where refusals and faults become answers.
    private static RequestDelegate Answer(Func<HttpContext, Task> act) => async context =>
    {
        try
        {
            await act(context);
        }
        catch (OakestraFault e)
        {
            await WriteAsync(context, e.Code, new OakestraError(e.Message, e.Faults.Count == 0 ? null : e.Faults), OakestraJson.Default.OakestraError);
        }
        catch (ApiStatusException e)
        {
            // The words of our objects become those of the body, so that the caller finds the field.
            Fault[] faults = [.. (e.Status.Details?.Causes ?? []).Select(c => new Fault(BodyField(c.Field ?? ""), "", BodyWords(c)))];
            await WriteAsync(context, e.Status.Code, new OakestraError(e.Message, faults.Length == 0 ? null : faults), OakestraJson.Default.OakestraError);
        }
    };

    private static string BodyField(string field) => field switch
    {
        "spec.chosen[0].ipv4" => "deployment_descriptor.RR_ip",
        "spec.chosen[0].ipv6" => "deployment_descriptor.RR_ip_v6",
        _ => field,
    };

    private static string BodyWords(StatusCause cause) =>
        cause.Message is { } text && cause.Field is { Length: > 0 } field && text.StartsWith($"{field}: ", StringComparison.Ordinal) ? text[(field.Length + 2)..] : cause.Message ?? "";
}
