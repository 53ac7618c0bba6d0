using System.Net;
using System.Net.Security;
using System.Security.Authentication;
using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Hosting;
using Microsoft.AspNetCore.Hosting.Server;
using Microsoft.AspNetCore.Hosting.Server.Features;
using Microsoft.AspNetCore.Server.Kestrel.Core;
using Microsoft.AspNetCore.Server.Kestrel.Https;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Logging;

namespace Gatehouse.Gateway.Management;

/// <summary>The management API on one internal address, and on no other: over TLS, with the certificate of the moment.</summary>
internal sealed class ManagementServer : IAsyncDisposable
{
    /// <summary>Connections at a time; beyond, new ones are closed. The API is for operators, not for traffic.</summary>
    private const int MaxConnections = 128;

    private readonly WebApplication _app;

    private ManagementServer(WebApplication app, IPEndPoint endpoint)
    {
        _app = app;
        Endpoint = endpoint;
    }

    /// <summary>Where it listens, with the port that was taken.</summary>
    public IPEndPoint Endpoint { get; }

    /// <summary>Starts to listen.</summary>
    /// <exception cref="IOException">The address is not there yet, or the port is taken.</exception>
    public static async Task<ManagementServer> StartAsync(
        IPEndPoint listen,
        ManagementCertificate certificate,
        ManagementEndpoints endpoints,
        ILoggerFactory logs,
        CancellationToken cancellation)
    {
        var builder = WebApplication.CreateEmptyBuilder(new WebApplicationOptions());
        builder.Services.AddSingleton(logs);
        builder.Services.AddRoutingCore();
        builder.WebHost.UseKestrelCore().UseKestrelHttpsConfiguration().ConfigureKestrel(kestrel => Configure(kestrel, listen, certificate));
        var app = builder.Build();
        try
        {
            app.UseRouting();
            endpoints.Map(app);
            await app.StartAsync(cancellation);
            var bound = app.Services.GetRequiredService<IServer>().Features.Get<IServerAddressesFeature>()!.Addresses.First();
            return new ManagementServer(app, new IPEndPoint(listen.Address, new Uri(bound).Port));
        }
        catch (Exception e)
        {
            await app.DisposeAsync();
            if (e is System.Net.Sockets.SocketException) throw new IOException($"listening on {listen}: {e.Message}", e);
            throw;
        }
    }

    /// <inheritdoc/>
    public async ValueTask DisposeAsync()
    {
        await _app.StopAsync();
        await _app.DisposeAsync();
    }

    private static void Configure(KestrelServerOptions kestrel, IPEndPoint listen, ManagementCertificate certificate)
    {
        kestrel.AddServerHeader = false;
        kestrel.Limits.MaxConcurrentConnections = MaxConnections;

        // Above what the endpoints take, so that a client that sends too much can read the refusal: the rest of its body is read and dropped.
        kestrel.Limits.MaxRequestBodySize = 1 << 20;
        kestrel.Limits.RequestHeadersTimeout = TimeSpan.FromSeconds(10);
        kestrel.Listen(listen, options => options.UseHttps(new TlsHandshakeCallbackOptions
        {
            HandshakeTimeout = TimeSpan.FromSeconds(5),
            OnConnection = _ => ValueTask.FromResult(TlsOptions(certificate)),
        }));
    }

    private static SslServerAuthenticationOptions TlsOptions(ManagementCertificate certificate)
    {
        var material = certificate.Current ?? throw new AuthenticationException("the management API has no certificate yet");
        return new SslServerAuthenticationOptions
        {
            ServerCertificateContext = SslStreamCertificateContext.Create(material.Leaf, material.Chain, offline: true),
            EnabledSslProtocols = SslProtocols.Tls12 | SslProtocols.Tls13,
            ClientCertificateRequired = true,

#pragma warning disable CA5359 // Any certificate, or none, gets as far as an answer: ManagementCaller examines it and says what is wrong with it.
            RemoteCertificateValidationCallback = static (_, _, _, _) => true,
#pragma warning restore CA5359
        };
    }
}
