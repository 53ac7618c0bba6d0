using Gatehouse.Api.Client;
using Gatehouse.Api.Identity;
using Microsoft.Extensions.Logging;

namespace Gatehouse.Serve;

/// <summary>
/// The identity of the node on this host, read from its directory and read again when it changed. The node renews it; two that renew would take each other's place.
/// </summary>
internal sealed partial class SharedIdentity(JoinOptions options, TimeProvider time, ILogger log) : ICredentialSource
{
    private static readonly TimeSpan Look = TimeSpan.FromSeconds(2);

    // A renewal writes certificate and key one after the other; a file that has rested this long is whole.
    private static readonly TimeSpan Rest = TimeSpan.FromSeconds(1);
    private readonly string _path = Path.Combine(options.Directory, IdentityFiles.MemberCertificate);
    private volatile MemberCredentials? _read;
    private DateTime _seen;

    public ApiCredentials Current => _read?.Current ?? throw new InvalidOperationException("the identity was not loaded");

    /// <summary>Waits until the node has an identity.</summary>
    public async Task LoadAsync(CancellationToken cancellation)
    {
        for (var waited = false; !await TryLoadAsync(cancellation); waited = true)
        {
            if (!waited) LogWaiting(log, options.Directory);
            await Task.Delay(Look, time, cancellation);
        }
    }

    /// <summary>Follows renewals until cancelled.</summary>
    public async Task RunAsync(CancellationToken cancellation)
    {
        while (true)
        {
            await Task.Delay(Look, time, cancellation);
            await TryLoadAsync(cancellation);
        }
    }

    private async Task<bool> TryLoadAsync(CancellationToken cancellation)
    {
        if (!File.Exists(_path)) return _read is not null;
        var changed = File.GetLastWriteTimeUtc(_path);
        // A file from the future is one that was written before the clock was set back.
        var age = time.GetUtcNow().UtcDateTime - changed;
        if (changed == _seen || (age >= TimeSpan.Zero && age < Rest)) return _read is not null;
        try
        {
            _read = await MemberCredentials.JoinOrLoadAsync(options, cancellation);
            _seen = changed;
        }
        catch (Exception e) when (e is IdentityFileException or IdentityException)
        {
            LogUnreadable(log, e.Message);
        }

        return _read is not null;
    }

    [LoggerMessage(Level = LogLevel.Information, Message = "waiting for the node on this host to join: no identity in {Directory}")]
    private static partial void LogWaiting(ILogger logger, string directory);

    [LoggerMessage(Level = LogLevel.Warning, Message = "the identity was not read: {Fault}")]
    private static partial void LogUnreadable(ILogger logger, string fault);
}
