using Gatehouse.Api.Client;
using Gatehouse.Api.Identity;
using Microsoft.Extensions.Logging;

namespace Gatehouse.Serve;

/// <summary>Joins, or takes what an earlier start joined, and makes the client that every role works through.</summary>
internal static partial class MemberIdentity
{
    private static readonly TimeSpan Pause = TimeSpan.FromSeconds(1);

    /// <summary>
    /// The identity: at once when there is one on disk, also an expired one, which its own loop renews. Who never joined waits here: while the issuer can't be reached, is
    /// overloaded, or the clocks differ, it is asked again; a refusal is final.
    /// </summary>
    public static async Task<MemberCredentials> JoinAsync(JoinOptions options, CancellationToken cancellation)
    {
        while (true)
        {
            try
            {
                return await MemberCredentials.JoinOrLoadAsync(options, cancellation);
            }
            catch (ApiStatusException e) when (e.Status.Code is 401 or 409)
            {
                throw new IdentityException(
                    $"{options.Server} does not let the {options.Role} '{options.Name}' join: {e.Status.Message}. A new token helps: `gatehouse token create --role {options.Role} --member {options.Name}` "
                    + "there, its output in the file of --token-file",
                    e);
            }
            catch (Exception e) when (e is ApiUnreachableException or ApiStatusException { Status.Code: 429 or >= 500 } or IdentityException { MayPass: true })
            {
                LogWaiting(options.Logger, e.Message);
                await Task.Delay(Pause, options.Time, cancellation);
            }
        }
    }

    /// <summary>How a role joins at a server; a token is added by who has one.</summary>
    public static JoinOptions Options(Uri server, string role, string name, string directory, TimeProvider time, ILoggerFactory logs) =>
        new() { Server = server, Directory = directory, Role = role, Name = name, Time = time, Logger = logs.CreateLogger<MemberCredentials>() };

    /// <summary>A client with the identity, whichever certificate it has at the moment.</summary>
    public static HttpObjectClientOptions Client(Uri server, ICredentialSource credentials, TimeProvider time, ILoggerFactory logs) =>
        new() { Server = server, Credentials = credentials, Time = time, Logger = logs.CreateLogger<HttpObjectClient>() };

    [LoggerMessage(Level = LogLevel.Warning, Message = "waiting to join: {Reason}")]
    private static partial void LogWaiting(ILogger logger, string reason);
}
