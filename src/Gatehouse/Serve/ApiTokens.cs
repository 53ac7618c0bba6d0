using Gatehouse.Api.Identity;
using Microsoft.Extensions.Logging;

namespace Gatehouse.Serve;

/// <summary>The bearer tokens of an API server: those in the file <c>tokens</c> of its state directory, if it is there, followed as it changes.</summary>
internal sealed partial class ApiTokens
{
    /// <summary>Name of the file.</summary>
    public const string FileName = "tokens";

    private static readonly TimeSpan LookEvery = TimeSpan.FromSeconds(2);

    private readonly TokenFile _file;
    private readonly TimeProvider _time;
    private readonly ILogger _log;

    /// <summary>Reads the file once, so that its tokens count from the first request on.</summary>
    public ApiTokens(string state, TimeProvider time, ILogger log)
    {
        (_time, _log) = (time, log);
        _file = new TokenFile(Path.Combine(state, FileName), Known);
        Refresh();
    }

    public BearerTokens Known { get; } = new();

    /// <summary>Follows the file until cancelled.</summary>
    public async Task RunAsync(CancellationToken cancellation)
    {
        using var pace = new PeriodicTimer(LookEvery, _time);
        while (await pace.WaitForNextTickAsync(cancellation)) Refresh();
    }

    private void Refresh()
    {
        try
        {
            foreach (var fault in _file.Refresh()) LogFault(_log, fault.ToString());
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            LogFault(_log, e.Message);
        }
    }

    [LoggerMessage(Level = LogLevel.Error, Message = "the file of bearer tokens is left as it was: {Fault}")]
    private static partial void LogFault(ILogger logger, string fault);
}
