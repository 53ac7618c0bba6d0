using System.Net;
using Gatehouse.Api.Client;
using Gatehouse.Api.Identity;

namespace Gatehouse.Api.Server;

/// <summary>The Kubernetes-style API over a revisioned store: HTTPS for others, <see cref="Local"/> for the role in this process.</summary>
public sealed class ApiServer : IAsyncDisposable
{
    private ApiServer()
    {
    }

    /// <summary>The registry as <c>system:masters</c>, without network; works before <see cref="ListenAsync"/>.</summary>
    public IObjectClient Local => throw new NotSupportedException();

    /// <summary>Where the API listens, with the ports that were taken; empty before <see cref="ListenAsync"/>.</summary>
    public IReadOnlyList<IPEndPoint> Endpoints { get; } = [];

    /// <summary>Where the side listeners listen, in the order of the options.</summary>
    public IReadOnlyList<IPEndPoint> SideEndpoints { get; } = [];

    /// <summary>Makes and withdraws join tokens; null without <see cref="ApiServerOptions.Authority"/>.</summary>
    public JoinTokens? JoinTokens { get; }

    /// <summary>Opens the registry on the store.</summary>
    public static Task<ApiServer> CreateAsync(ApiServerOptions options, CancellationToken cancellation) => throw new NotSupportedException();

    /// <summary>Starts to listen; returns when connections are accepted.</summary>
    /// <exception cref="IOException">An endpoint is taken.</exception>
    public Task ListenAsync(CancellationToken cancellation) => throw new NotSupportedException();

    /// <summary>Stops listening, ends watches, and lets requests under way finish for up to 5 seconds.</summary>
    public ValueTask DisposeAsync() => throw new NotSupportedException();
}
