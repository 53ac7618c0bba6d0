using System.Net;
using System.Net.Security;
using System.Security.Authentication;
using System.Security.Cryptography.X509Certificates;
using Gatehouse.Api.Identity;
using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Hosting;
using Microsoft.AspNetCore.Hosting.Server;
using Microsoft.AspNetCore.Hosting.Server.Features;
using Microsoft.AspNetCore.Http;
using Microsoft.AspNetCore.Routing;
using Microsoft.AspNetCore.Server.Kestrel.Core;
using Microsoft.AspNetCore.Server.Kestrel.Https;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Hosting;

namespace Gatehouse.Api.Server.Http;

/// <summary>One Kestrel with its endpoints. Reads neither environment nor configuration files.</summary>
internal sealed class HttpListenerHost : IAsyncDisposable
{
    private static readonly TimeSpan StopTimeout = TimeSpan.FromSeconds(5);

    private readonly WebApplication _app;

    private HttpListenerHost(WebApplication app, IReadOnlyList<IPEndPoint> endpoints)
    {
        _app = app;
        Endpoints = endpoints;
    }

    /// <summary>With the ports that were taken.</summary>
    public IReadOnlyList<IPEndPoint> Endpoints { get; }

    /// <summary>Starts to listen.</summary>
    /// <param name="certificate">Null for plain HTTP.</param>
    /// <param name="serve">Gets every request, and what answers the mapped endpoints.</param>
    public static async Task<HttpListenerHost> StartAsync(
        ApiServerOptions options,
        IReadOnlyList<IPEndPoint> listen,
        ServerCertificate? certificate,
        Action<IEndpointRouteBuilder>? map,
        Func<HttpContext, RequestDelegate, Task> serve,
        CancellationToken cancellation)
    {
        var builder = WebApplication.CreateEmptyBuilder(new WebApplicationOptions());
        builder.WebHost.UseKestrelCore();
        if (certificate is not null) builder.WebHost.UseKestrelHttpsConfiguration();
        builder.WebHost.ConfigureKestrel(kestrel => Configure(kestrel, options, listen, certificate));
        builder.Services.AddSingleton(options.Logs);
        builder.Services.AddRouting();
        // The default one takes SIGTERM for itself: the listener would stop, and the process would stay.
        builder.Services.AddSingleton<IHostLifetime, OwnersLifetime>();
        var app = builder.Build();
        app.UseRouting();
        app.Use(serve);
        // Closes the list of middleware; without it endpoints would be answered before `serve` has seen the request.
        map?.Invoke(app);
        app.UseEndpoints(static _ => { });
        try
        {
            await app.StartAsync(cancellation);
        }
        catch
        {
            await app.DisposeAsync();
            throw;
        }

        var addresses = app.Services.GetRequiredService<IServer>().Features.Get<IServerAddressesFeature>()!.Addresses;
        return new HttpListenerHost(app, [.. addresses.Select(ReadEndpoint)]);
    }

    /// <inheritdoc/>
    public async ValueTask DisposeAsync()
    {
        using var patience = new CancellationTokenSource(StopTimeout);
        await _app.StopAsync(patience.Token);
        await _app.DisposeAsync();
    }

    private static void Configure(KestrelServerOptions kestrel, ApiServerOptions options, IReadOnlyList<IPEndPoint> listen, ServerCertificate? certificate)
    {
        kestrel.AddServerHeader = false;
        // Bodies are counted where they are read, so that the refusal is a Status. Up to this bound Kestrel takes in and forgets the rest of a refused body,
        // so that a client that is still sending reads the Status in place of a broken connection; beyond it the connection is cut.
        kestrel.Limits.MaxRequestBodySize = options.Limits.BodyBytes * 8L;
        kestrel.Limits.Http2.MaxStreamsPerConnection = 1_000;
        // Finds the watchers whose machine is gone without a word.
        kestrel.Limits.Http2.KeepAlivePingDelay = TimeSpan.FromSeconds(30);
        kestrel.Limits.Http2.KeepAlivePingTimeout = TimeSpan.FromSeconds(20);
        foreach (var endpoint in listen)
        {
            kestrel.Listen(endpoint, one =>
            {
                one.Protocols = certificate is null ? HttpProtocols.Http1 : HttpProtocols.Http1AndHttp2;
                if (certificate is not null) one.UseHttps(new TlsHandshakeCallbackOptions { OnConnection = _ => new ValueTask<SslServerAuthenticationOptions>(Tls(certificate)) });
            });
        }
    }

    private static SslServerAuthenticationOptions Tls(ServerCertificate certificate) => new()
    {
        ServerCertificateContext = certificate.Current,
        EnabledSslProtocols = SslProtocols.Tls12 | SslProtocols.Tls13,
        // Asked for, never demanded: whose certificate it is, is decided for each request, with a Status for an answer.
        ClientCertificateRequired = true,
#pragma warning disable CA5359 // Not the server's certificate but the client's, which Authentication examines; the handshake has proven its key.
        RemoteCertificateValidationCallback = static (_, _, _, _) => true,
#pragma warning restore CA5359
        CertificateChainPolicy = new X509ChainPolicy
        {
            TrustMode = X509ChainTrustMode.CustomRootTrust,
            RevocationMode = X509RevocationMode.NoCheck,
            DisableCertificateDownloads = true,
        },
    };

    private static IPEndPoint ReadEndpoint(string address)
    {
        var uri = new Uri(address);
        return new IPEndPoint(IPAddress.Parse(uri.Host.Trim('[', ']')), uri.Port);
    }

    /// <summary>The listener lives as long as its owner says.</summary>
    private sealed class OwnersLifetime : IHostLifetime
    {
        public Task WaitForStartAsync(CancellationToken cancellationToken) => Task.CompletedTask;

        public Task StopAsync(CancellationToken cancellationToken) => Task.CompletedTask;
    }
}
