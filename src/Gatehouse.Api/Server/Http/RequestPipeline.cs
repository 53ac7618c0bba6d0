using System.Collections.Frozen;
using Gatehouse.Api.Client;
using Gatehouse.Api.Server.Registry;
using Gatehouse.Objects;
using Gatehouse.Store;
using Microsoft.AspNetCore.Authorization;
using Microsoft.AspNetCore.Http;
using Microsoft.Extensions.Logging;

namespace Gatehouse.Api.Server.Http;

/// <summary>A request's way: bounds, identity, path, answer. The one place where faults become Statuses.</summary>
internal sealed partial class RequestPipeline(
    ApiServerOptions options,
    FrozenDictionary<KindInfo, RegisteredKind> kinds,
    Authentication authentication,
    ObjectEndpoints objects,
    SystemEndpoints system,
    ApiServerMetrics metrics)
{
    private readonly ILogger _logger = options.Logs.CreateLogger<RequestPipeline>();
    private readonly Discovery _discovery = new(options.Kinds);
    private int _inFlight;

    /// <summary>The API's listeners: system paths, then the role's endpoints, which may lie under <c>/api/</c> as Oakestra's do, then objects and discovery.</summary>
    public Task ServeAsync(HttpContext context, RequestDelegate roles) => GuardAsync(context, async call =>
    {
        var path = context.Request.Path.Value ?? "/";
        if (SystemEndpoints.Owns(path)) await ServeSystemAsync(context, path, call);
        else if (context.GetEndpoint() is null && (path is "/api" or "/apis" || path.StartsWith("/api/", StringComparison.Ordinal) || path.StartsWith("/apis/", StringComparison.Ordinal)))
            await ServeObjectsAsync(context, path, call);
        else await ServeRoleAsync(context, roles, call);
    });

    /// <summary>A side listener: the role's endpoints alone.</summary>
    public Task ServeSideAsync(HttpContext context, RequestDelegate roles, SideListener side)
    {
        if (side.Refusals is { } shape) context.Features.Set(shape);
        return GuardAsync(context, call => ServeRoleAsync(context, roles, call, side.Tls));
    }

    private async Task GuardAsync(HttpContext context, Func<Call, Task> serve)
    {
        var call = new Call();
        context.Response.Headers[ServerStore.Header] = options.Store.Id;
        var start = options.Time.GetTimestamp();
        try
        {
            await serve(call);
        }
        catch (OperationCanceledException) when (context.RequestAborted.IsCancellationRequested)
        {
            // The client left; nobody reads an answer.
        }
        catch (BadHttpRequestException e)
        {
            await RefuseAsync(context, e.StatusCode == 413 ? Refusals.TooLarge(options.Limits.BodyBytes) : Refusals.BadRequest(e.Message));
        }
        catch (StoreException e)
        {
            await RefuseAsync(context, Refusals.Unavailable(e.Message));
        }
        catch (Exception e)
        {
            RequestFailed(_logger, context.Request.Method, context.Request.Path, e);
            await RefuseAsync(context, Refusals.Internal("the server met an unexpected fault; its log says more"));
        }
        finally
        {
            if (call.Counted) Leave();
            if (call.Verb != "watch") metrics.RequestDone(call.Verb, call.Resource, context.Response.StatusCode, options.Time.GetElapsedTime(start));
        }
    }

    private async Task ServeSystemAsync(HttpContext context, string path, Call call)
    {
        call.Resource = path;
        if (!SystemEndpoints.IsOpen(path) && authentication.Refuse(context) is { } stranger) await Answers.StatusAsync(context, stranger);
        else if (!Enter(call)) await Answers.StatusAsync(context, Refusals.TooMany("requests"));
        else await system.HandleAsync(context, path);
    }

    private async Task ServeRoleAsync(HttpContext context, RequestDelegate roles, Call call, bool isSecret = true)
    {
        call.Resource = "role";
        var endpoint = context.GetEndpoint();
        var anonymous = endpoint?.Metadata.GetMetadata<IAllowAnonymous>() is not null;
        // Identity is read in any case; without it only open endpoints go on, and an unknown path is told to members alone.
        var stranger = isSecret ? authentication.Refuse(context)
            : Refusals.Unauthorized("this listener is plain HTTP and takes no credentials, which would cross the network in the clear: make this call over TLS, with a client certificate or a bearer token");
        if (stranger is not null && !anonymous) await Answers.StatusAsync(context, stranger);
        else if (endpoint is null) await Answers.StatusAsync(context, Refusals.NoSuchPath());
        else if (!Enter(call)) await Answers.StatusAsync(context, Refusals.TooMany("requests"));
        else await roles(context);
    }

    private async Task ServeObjectsAsync(HttpContext context, string path, Call call)
    {
        if (authentication.Refuse(context) is { } stranger)
        {
            await Answers.StatusAsync(context, stranger);
            return;
        }

        if (!Accepts.Json(context.Request))
        {
            await Answers.StatusAsync(context, Refusals.NotAcceptable(context.Request.Headers.Accept.ToString()));
            return;
        }

        if (_discovery.Find(path.TrimEnd('/')) is { } document)
        {
            call.Resource = "discovery";
            var isRead = context.Request.Method == "GET";
            await (isRead ? Answers.BytesAsync(context, 200, Answers.Json, document) : Answers.StatusAsync(context, Refusals.MethodNotAllowed(context.Request.Method, path)));
            return;
        }

        if (!RequestPath.TryParse(path, out var target) || target.FindKind(options.Kinds) is not { } info
            || target.Subresource is not null && (target.Subresource != "status" || !info.HasStatus))
        {
            await Answers.StatusAsync(context, Refusals.NoSuchPath());
            return;
        }

        await ServeObjectAsync(new ObjectRequest(context, context.GetUser()!, kinds[info], target), path, call);
    }

    private async Task ServeObjectAsync(ObjectRequest request, string path, Call call)
    {
        var method = request.Context.Request.Method;
        call.Resource = request.Kind.Info.Plural;
        if (!request.IsFlag("watch"))
        {
            await Answers.StatusAsync(request.Context, Refusals.BadRequest($"watch '{request.Query("watch")}' is not valid: must be true or false"));
            return;
        }

        // Creating without namespace is a request for another path, as Kubernetes has it.
        var verb = ObjectEndpoints.VerbOf(method, request.Path, request.Flag("watch"));
        if (verb == "create" && request.Kind.Info.Scope == KindScope.Namespaced && request.Path.Namespace is null) verb = null;
        if (verb is null)
        {
            await Answers.StatusAsync(request.Context, Refusals.MethodNotAllowed(method, path));
            return;
        }

        call.Verb = verb;
        if (verb != "watch" && !Enter(call)) await Answers.StatusAsync(request.Context, Refusals.TooMany("requests"));
        else await objects.HandleAsync(request, verb);
    }

    private bool Enter(Call call)
    {
        if (Interlocked.Increment(ref _inFlight) > options.Limits.RequestsInFlight)
        {
            Interlocked.Decrement(ref _inFlight);
            metrics.Rejected("requests");
            return false;
        }

        metrics.InFlight(1);
        call.Counted = true;
        return true;
    }

    private void Leave()
    {
        Interlocked.Decrement(ref _inFlight);
        metrics.InFlight(-1);
    }

    private static async Task RefuseAsync(HttpContext context, Status status)
    {
        // Once the answer has begun there is no place for a Status: the client sees it end too early.
        if (context.Response.HasStarted) context.Abort();
        else
        {
            context.Response.Clear();
            await Answers.StatusAsync(context, status);
        }
    }

    [LoggerMessage(Level = LogLevel.Error, Message = "{Method} {Path} failed")]
    private static partial void RequestFailed(ILogger logger, string method, PathString path, Exception fault);

    /// <summary>What becomes known of a request on its way, for the metrics.</summary>
    private sealed class Call
    {
        public string Verb { get; set; } = "other";

        public string Resource { get; set; } = "other";

        /// <summary>Whether it has a place among the requests under way.</summary>
        public bool Counted { get; set; }
    }
}
