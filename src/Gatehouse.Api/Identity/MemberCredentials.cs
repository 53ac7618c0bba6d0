using System.Security.Cryptography.X509Certificates;
using Gatehouse.Api.Client;

namespace Gatehouse.Api.Identity;

/// <summary>
/// A member's certificate, kept on disk and renewed at two thirds of its life. Give it to <see cref="HttpObjectClient"/> as its credentials.
/// </summary>
/// <remarks>One loop (<see cref="RunAsync"/>) renews; any thread reads.</remarks>
public sealed class MemberCredentials : ICredentialSource
{
    private readonly JoinOptions _options;
    private volatile ApiCredentials _current;

    private MemberCredentials(JoinOptions options, ApiCredentials current)
    {
        _options = options;
        _current = current;
    }

    /// <inheritdoc/>
    public ApiCredentials Current => _current;

    /// <summary>For a cluster: the authority that signs its workers, with its key; null for other members.</summary>
    public X509Certificate2? Issuer { get; }

    /// <summary>Takes the identity on disk, without any network; joins with the token only when there is none.</summary>
    /// <exception cref="IdentityException">Neither identity nor usable token, or the server is not the one that the token pins.</exception>
    /// <exception cref="ApiStatusException">The server refused: the token is unknown, expired, or for another member.</exception>
    /// <exception cref="ApiUnreachableException">No answer; try again.</exception>
    public static Task<MemberCredentials> JoinOrLoadAsync(JoinOptions options, CancellationToken cancellation) => throw new NotSupportedException(options.Name);

    /// <summary>Renews until cancelled. A failure is reported and tried again; it never ends the loop.</summary>
    public Task RunAsync(CancellationToken cancellation) => throw new NotSupportedException(_options.Name);
}
