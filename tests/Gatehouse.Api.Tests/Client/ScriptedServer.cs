using System.Collections.Concurrent;
using System.Net;
using System.Security.Cryptography;
using System.Security.Cryptography.X509Certificates;
using System.Text;
using System.Threading.Channels;
using Gatehouse.Api.Client;
using Gatehouse.Api.Identity;
using Gatehouse.TestKit;
using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Hosting;
using Microsoft.AspNetCore.Http;
using Microsoft.AspNetCore.Server.Kestrel.Core;
using Microsoft.AspNetCore.Server.Kestrel.Https;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Hosting;
using Microsoft.Extensions.Logging;

namespace Gatehouse.Api.Tests.Client;

/// <summary>A real HTTPS server on loopback that does what a test tells it, also what no good server does.</summary>
internal sealed class ScriptedServer : IAsyncDisposable
{
    private readonly CertificateAuthority _authority;
    private readonly ConcurrentQueue<Func<HttpContext, Task>> _answers = new();
    private readonly Channel<ScriptedWatch> _watches = Channel.CreateUnbounded<ScriptedWatch>();
    private WebApplication? _app;

    private ScriptedServer(CertificateAuthority authority) => _authority = authority;

    public Uri Url { get; private set; } = null!;

    public ConcurrentQueue<string> Requests { get; } = new();

    /// <summary>Serial numbers of the client certificates of the requests.</summary>
    public ConcurrentQueue<string?> ClientSerials { get; } = new();

    /// <summary>Answers what no queued answer took; null: 404 with a Status.</summary>
    public Func<HttpContext, Task>? Otherwise { get; set; }

    public FixedCredentials Credentials => new(new ApiCredentials { Trust = [_authority.Certificate] });

    /// <param name="authority">Who signs the server's certificate; null for a new one.</param>
    /// <param name="endpoint">Where to listen; null for a free port of loopback.</param>
    public static async Task<ScriptedServer> StartAsync(
        CertificateAuthority? authority = null, IPEndPoint? endpoint = null, HttpProtocols protocols = HttpProtocols.Http1AndHttp2, IReadOnlyList<string>? names = null, TimeSpan? life = null)
    {
        var server = new ScriptedServer(authority ?? CertificateAuthority.CreateRoot("scripted", TimeProvider.System));
        using var key = ECDsa.Create(ECCurve.NamedCurves.nistP256);
        using var bare = server._authority.IssueServer(new PublicKey(key), names ?? ["127.0.0.1", "localhost"], life);
        var certificate = bare.CopyWithPrivateKey(key);
        var builder = WebApplication.CreateSlimBuilder();
        builder.Logging.ClearProviders();
        builder.WebHost.UseKestrelHttpsConfiguration();
        builder.WebHost.ConfigureKestrel(kestrel =>
        {
            kestrel.Limits.MinResponseDataRate = null;
            kestrel.Listen(endpoint ?? new IPEndPoint(IPAddress.Loopback, 0), listen =>
            {
                listen.Protocols = protocols;
                listen.UseHttps(https =>
                {
                    https.ServerCertificate = certificate;
                    https.ClientCertificateMode = ClientCertificateMode.AllowCertificate;
                    https.AllowAnyClientCertificate();
                });
            });
        });
        builder.Services.Configure<HostOptions>(o => o.ShutdownTimeout = TimeSpan.Zero);
        server._app = builder.Build();
        server._app.Run(server.HandleAsync);
        await server._app.StartAsync();
        server.Url = new Uri(server._app.Urls.First());
        return server;
    }

    public HttpObjectClient Client(TimeProvider? time = null, Func<HttpObjectClientOptions, HttpObjectClientOptions>? change = null)
    {
        var options = new HttpObjectClientOptions { Server = Url, Credentials = Credentials, Time = time ?? TimeProvider.System, Random = new Random(1) };
        return new HttpObjectClient(change is null ? options : change(options));
    }

    /// <summary>Queues the answer to the next request that is no watch.</summary>
    public void Answer(Func<HttpContext, Task> answer) => _answers.Enqueue(answer);

    public void Answer(int code, string body, string contentType = "application/json") => Answer(c => WriteAsync(c, code, body, contentType));

    /// <summary>The next watch that a client opened.</summary>
    public async Task<ScriptedWatch> NextWatchAsync()
    {
        using var patience = new CancellationTokenSource(Patience.Limit);
        return await _watches.Reader.ReadAsync(patience.Token);
    }

    public static Task WriteAsync(HttpContext context, int code, string body, string contentType = "application/json")
    {
        context.Response.StatusCode = code;
        context.Response.ContentType = contentType;
        return context.Response.WriteAsync(body);
    }

    public async ValueTask DisposeAsync()
    {
        if (_app is not null) await _app.DisposeAsync();
    }

    private async Task HandleAsync(HttpContext context)
    {
        var request = context.Request;
        if (request.Path == "/version")
        {
            await WriteAsync(context, 200, "{}");
            return;
        }

        Requests.Enqueue($"{request.Method} {request.Path}{request.QueryString}");
        ClientSerials.Enqueue(context.Connection.ClientCertificate?.SerialNumber);
        if (request.Query["watch"] == "true")
        {
            var watch = new ScriptedWatch(context);
            _watches.Writer.TryWrite(watch);
            await watch.Done;
            return;
        }

        if (_answers.TryDequeue(out var answer)) await answer(context);
        else if (Otherwise is not null) await Otherwise(context);
        else await WriteAsync(context, 404, """{"kind":"Status","apiVersion":"v1","status":"Failure","reason":"NotFound","message":"scripted","code":404}""");
    }
}

/// <summary>One watch that a client opened at a <see cref="ScriptedServer"/>.</summary>
internal sealed class ScriptedWatch(HttpContext context)
{
    private readonly TaskCompletionSource _done = new(TaskCreationOptions.RunContinuationsAsynchronously);

    public Task Done => _done.Task;

    public string Revision => Query["resourceVersion"].ToString();

    public IQueryCollection Query { get; } = new QueryCollection(context.Request.Query.ToDictionary());

    /// <summary>Fires when the client leaves.</summary>
    public CancellationToken Aborted { get; } = context.RequestAborted;

    public async Task SendAsync(params string[] lines)
    {
        foreach (var line in lines) await context.Response.Body.WriteAsync(Encoding.UTF8.GetBytes(line));
        await context.Response.Body.FlushAsync();
    }

    /// <summary>Answers without watching.</summary>
    public async Task RefuseAsync(int code, string body)
    {
        await ScriptedServer.WriteAsync(context, code, body);
        _done.TrySetResult();
    }

    /// <summary>Ends in good order.</summary>
    public void End() => _done.TrySetResult();

    /// <summary>Cuts the connection (HTTP/1.1) or resets the stream (HTTP/2).</summary>
    public void Cut()
    {
        context.Abort();
        _done.TrySetResult();
    }
}
