using System.Buffers;
using System.Globalization;
using System.Security.Cryptography;
using Gatehouse.Api.Identity;
using Gatehouse.Api.Server.Registry;
using Gatehouse.Api.Server.Watching;
using Gatehouse.Objects;
using Microsoft.AspNetCore.Http.Features;

namespace Gatehouse.Api.Server.Http;

/// <summary>Watches over HTTP: one line of JSON for each event, until the time is over, the client leaves, or the client can't keep up.</summary>
internal sealed class WatchEndpoint(ObjectReader reader, WatchHub hub, ApiServerOptions options, ApiServerMetrics metrics, CancellationToken stopping)
{
    /// <summary>Bytes that are put together before the socket gets them, so that a burst is not one packet for each event.</summary>
    private const int FlushAt = 64 * 1024;

    public async ValueTask HandleAsync(ObjectRequest request)
    {
        var (filter, life, refusal) = Read(request);
        if (filter is null)
        {
            await Answers.StatusAsync(request.Context, refusal!);
            return;
        }

        var (after, initial, error) = await StartAsync(request);
        if (error is { Code: not 410 })
        {
            await Answers.StatusAsync(request.Context, error);
            return;
        }

        Watcher? watcher = null;
        if (error is null) (watcher, error) = await hub.OpenAsync(request.Kind, filter, after, request.Flag("allowWatchBookmarks"), request.Aborted);
        try
        {
            if (error is { Code: not 410 }) await Answers.StatusAsync(request.Context, error);
            else await StreamAsync(request, watcher, initial, error, life, after);
        }
        finally
        {
            if (watcher is not null) hub.Close(watcher);
        }
    }

    private (ObjectFilter? Filter, TimeSpan Life, Status? Refusal) Read(ObjectRequest request)
    {
        if (request.Query("sendInitialEvents") is not null)
        {
            // Clients that meet this answer list first and watch then.
            var fault = new Fault("sendInitialEvents", "", "is forbidden for watch: this server does not offer it");
            return (null, default, Refusals.Invalid(request.Kind, "", [fault]));
        }

        var fields = request.Query("fieldSelector");
        var authorization = new AuthorizationRequest(request.User, "watch", request.Kind.Info, null, request.Path.Namespace, null, fields, null);
        if (reader.Authorize(request.Kind, authorization) is { } forbidden) return (null, default, forbidden);
        // Spread by chance: watches that began together, after an outage, must not all come back together again.
        var life = options.Limits.WatchLife * (1 + RandomNumberGenerator.GetInt32(1000) / 1000.0);
        if (request.Query("timeoutSeconds") is { } text)
        {
            if (!int.TryParse(text, NumberStyles.None, CultureInfo.InvariantCulture, out var seconds))
                return (null, default, Refusals.BadRequest($"timeoutSeconds '{text}' is not valid: must be a whole number of seconds"));
            if (seconds > 0) life = TimeSpan.FromSeconds(Math.Min(seconds, 86_400));
        }

        // A watch does not outlive the proof of who reads it.
        if (request.Context.Features.Get<Authenticated>() is { } proof && proof.Until - options.Time.GetUtcNow() is var rest && rest < life) life = rest;
        var (filter, refusal) = ObjectFilter.Create(request.Kind, request.Path.Namespace, request.Query("labelSelector"), fields);
        return (filter, life > TimeSpan.Zero ? life : TimeSpan.Zero, refusal);
    }

    /// <summary>The revision to start after; without one, the objects that there are now come first.</summary>
    private async ValueTask<(long After, ListPage? Initial, Status? Error)> StartAsync(ObjectRequest request)
    {
        var text = request.Query("resourceVersion");
        if (text is not (null or "0"))
        {
            return long.TryParse(text, NumberStyles.None, CultureInfo.InvariantCulture, out var revision)
                ? (revision, null, null)
                : (0, null, Refusals.BadRequest($"resourceVersion '{text}' is not valid: must be that of a list or an event"));
        }

        var query = new ListQuery(request.Path.Namespace, request.Query("labelSelector"), request.Query("fieldSelector"));
        // Who may watch may see what is there: the authorizer has spoken.
        var (page, error) = await reader.ListAsync(request.Kind, ServerSelf, query, request.Aborted);
        return (page?.Revision ?? 0, page, error);
    }

    private static readonly UserInfo ServerSelf = new("system:gatehouse", [UserInfo.MastersGroup]);

    private async Task StreamAsync(ObjectRequest request, Watcher? watcher, ListPage? initial, Status? error, TimeSpan life, long after)
    {
        var response = request.Context.Response;
        response.StatusCode = 200;
        response.ContentType = Answers.Json;
        request.Context.Features.Get<IHttpResponseBodyFeature>()?.DisableBuffering();
        using var clock = new CancellationTokenSource(life, options.Time);
        using var end = CancellationTokenSource.CreateLinkedTokenSource(request.Aborted, clock.Token, stopping);
        var output = response.BodyWriter;
        try
        {
            foreach (var entry in initial?.Entries ?? []) output.Write(WatchFrames.Initial(request.Kind, entry));
            if (error is not null) output.Write(WatchFrames.Error(error));
            // Nothing happened since: a client that resumes hears now that it is in step, and not when the next bookmark is due.
            if (watcher is { Bookmarks: true } && !watcher.Items.TryPeek(out _)) output.Write(WatchFrames.Bookmark(request.Kind, after));
            // The head goes out at once: the client knows that the watch is open.
            await output.FlushAsync(request.Aborted);
            if (watcher is null) return;
            var last = after;
            try
            {
                while (await watcher.Items.WaitToReadAsync(end.Token))
                {
                    last = Drain(watcher, output, last);
                    if ((await output.FlushAsync(request.Aborted)).IsCompleted) return;
                }
            }
            catch (OperationCanceledException) when (!request.Aborted.IsCancellationRequested)
            {
                // Time is over. What came in between goes out, then the last word is how far the client is: read before the queue is emptied, and
                // only if the hub did not end the queue, which would leave a gap behind it.
                var complete = hub.Revision;
                while (watcher.Items.TryPeek(out _)) last = Drain(watcher, output, last);
                if (watcher.Bookmarks && !watcher.Items.Completion.IsCompleted) output.Write(WatchFrames.Bookmark(request.Kind, Math.Max(last, complete)));
                await output.FlushAsync(request.Aborted);
            }
        }
        catch (Exception e) when (e is OperationCanceledException or IOException)
        {
            // The client left.
        }
    }

    private long Drain(Watcher watcher, IBufferWriter<byte> output, long last)
    {
        var events = 0;
        long bytes = 0;
        while (bytes < FlushAt && watcher.Items.TryRead(out var item))
        {
            var frame = item.Change is { } change ? change.Frame(item.Type) : WatchFrames.Bookmark(watcher.Kind, item.Revision);
            output.Write(frame);
            bytes += frame.Length;
            last = item.Revision;
            if (item.Change is not null) events++;
        }

        metrics.Delivered(watcher.Kind, events);
        return last;
    }
}
