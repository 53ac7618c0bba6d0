using System.Net;
using System.Text.Json;
using System.Text.Json.Serialization.Metadata;
using Gatehouse.Linux;
using Gatehouse.Node.Instances;
using Gatehouse.Objects;
using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Hosting;
using Microsoft.AspNetCore.Http;
using Microsoft.Extensions.DependencyInjection;

namespace Gatehouse.Node.LocalApi;

/// <summary>
/// The API that the node engine and the command line on this host use: HTTP on a unix socket that its owner alone can open. Paths and bodies of the node engine's part are
/// Oakestra's; errors are JSON with one field, and nothing is done after one.
/// </summary>
internal sealed class LocalApiServer : IAsyncDisposable
{
    private const int LargestBody = 64 * 1024;
    private readonly WebApplication _app;

    private LocalApiServer(WebApplication app) => _app = app;

    /// <summary>Starts to listen. A socket that a killed agent left is replaced.</summary>
    /// <exception cref="IOException">The folder can't be made or the socket not be bound.</exception>
    public static async Task<LocalApiServer> StartAsync(string path, NodeRole role, CancellationToken cancellation)
    {
        Directory.CreateDirectory(Path.GetDirectoryName(Path.GetFullPath(path))!);
        File.Delete(path);
        // Empty: no settings of its own, no log, and no hand on the process's signals.
        var builder = WebApplication.CreateEmptyBuilder(new WebApplicationOptions());
        builder.Services.AddRoutingCore();
        builder.WebHost.UseKestrelCore().ConfigureKestrel(kestrel =>
        {
            kestrel.ListenUnixSocket(path);
            kestrel.Limits.MaxRequestBodySize = LargestBody;
        });
        var app = builder.Build();
        app.Use(Guard);
        app.UseRouting();
        new LocalApiEndpoints(role).Map(app);
        await app.StartAsync(cancellation);
        File.SetUnixFileMode(path, UnixFileMode.UserRead | UnixFileMode.UserWrite);
        return new(app);
    }

    public async ValueTask DisposeAsync() => await _app.DisposeAsync();

    /// <summary>The one place that turns faults into answers.</summary>
    private static async Task Guard(HttpContext http, RequestDelegate next)
    {
        try
        {
            await next(http);
            if (http.Response is { HasStarted: false, StatusCode: 404 or 405 } response)
                await RefuseAsync(http, response.StatusCode, $"{http.Request.Method} {http.Request.Path} is nothing that this API has");
        }
        catch (LocalApiException fault)
        {
            await RefuseAsync(http, fault.Status, fault.Message);
        }
        catch (AttachRefusedException fault)
        {
            await RefuseAsync(http, 409, fault.Message);
        }
        catch (BadHttpRequestException fault)
        {
            await RefuseAsync(http, fault.StatusCode, fault.Message);
        }
        catch (Exception fault) when (fault is LinuxException or IOException)
        {
            await RefuseAsync(http, 500, fault.Message);
        }
    }

    private static Task RefuseAsync(HttpContext http, int status, string why) => http.AnswerAsync(status, new ErrorAnswer(why), LocalApiJson.Default.ErrorAnswer);
}

/// <summary>A request that is answered with a status and one sentence.</summary>
internal sealed class LocalApiException(int status, string message) : Exception(message)
{
    public int Status { get; } = status;
}

/// <summary>Reading and answering JSON.</summary>
internal static class LocalApiHttp
{
    extension(HttpContext http)
    {
        /// <exception cref="LocalApiException">400: the body is no JSON object of that shape.</exception>
        public async Task<T> BodyAsync<T>(JsonTypeInfo<T> json)
            where T : class
        {
            using var body = new MemoryStream();
            await http.Request.Body.CopyToAsync(body, http.RequestAborted);
            return ForeignJson.TryReadRecord(body.GetBuffer().AsSpan(0, (int)body.Length), json, out var value, out var fault)
                ? value
                : throw new LocalApiException(400, $"the body {fault}; it must be a JSON object with {string.Join(", ", json.Properties.Select(p => $"{p.Name}: {Word(p.PropertyType)}"))}");
        }

        public async Task AnswerAsync<T>(int status, T body, JsonTypeInfo<T> json)
        {
            http.Response.StatusCode = status;
            http.Response.ContentType = "application/json";
            await http.Response.Body.WriteAsync(JsonSerializer.SerializeToUtf8Bytes(body, json), http.RequestAborted);
        }

        /// <exception cref="LocalApiException">400: it is missing or no address.</exception>
        public IPAddress AddressQuery(string name) => IPAddress.TryParse(http.Request.Query[name], out var address)
            ? address
            : throw new LocalApiException(400, $"{name}: '{http.Request.Query[name]}' is not an IPv4 or IPv6 address");
    }

    private static string Word(Type type) => (Nullable.GetUnderlyingType(type) ?? type) == typeof(int) ? "a whole number" : "a text";
}
