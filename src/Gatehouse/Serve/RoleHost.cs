using Microsoft.Extensions.Logging;

namespace Gatehouse.Serve;

/// <summary>Starts the roles of this process in order, says when they serve, and ends them in reverse when it is told to or when one of them fails.</summary>
internal sealed partial class RoleHost(ServiceNotify notify, ILogger log)
{
    public async Task<int> RunAsync(IReadOnlyList<(string Name, IServedRole Role)> roles, CancellationToken cancellation)
    {
        var code = ExitCode.Ok;
        try
        {
            foreach (var (name, role) in roles)
            {
                await role.StartAsync(cancellation);
                LogServing(log, name);
            }

            notify.Ready();
            code = await WorkAsync(roles, cancellation);
        }
        catch (OperationCanceledException) when (cancellation.IsCancellationRequested)
        {
            // Told to end before everything was up.
        }
        finally
        {
            notify.Stopping();
            foreach (var (name, role) in roles.Reverse()) await EndAsync(name, role);
        }

        return code;
    }

    private async Task<int> WorkAsync(IReadOnlyList<(string Name, IServedRole Role)> roles, CancellationToken cancellation)
    {
        using var either = CancellationTokenSource.CreateLinkedTokenSource(cancellation);
        var loops = roles.Select(r => (r.Name, Loop: r.Role.RunAsync(either.Token))).ToList();
        var first = await Task.WhenAny(loops.Select(l => l.Loop));
        await either.CancelAsync();
        var code = cancellation.IsCancellationRequested ? ExitCode.Ok : ExitCode.Bug;
        foreach (var (name, loop) in loops)
        {
            try
            {
                await loop;
                if (loop == first && !cancellation.IsCancellationRequested) LogEnded(log, name);
            }
            catch (OperationCanceledException)
            {
                // The way in which loops end.
            }
            catch (Exception e)
            {
                LogFailed(log, name, e);
                code = ExitCode.Bug;
            }
        }

        return code;
    }

    private async Task EndAsync(string name, IServedRole role)
    {
        try
        {
            await role.DisposeAsync();
            LogStopped(log, name);
        }
        catch (Exception e)
        {
            LogFailed(log, name, e);
        }
    }

    [LoggerMessage(Level = LogLevel.Information, Message = "{Role} serves")]
    private static partial void LogServing(ILogger logger, string role);

    [LoggerMessage(Level = LogLevel.Information, Message = "{Role} stopped")]
    private static partial void LogStopped(ILogger logger, string role);

    [LoggerMessage(Level = LogLevel.Critical, Message = "{Role} ended by itself, which is a defect")]
    private static partial void LogEnded(ILogger logger, string role);

    [LoggerMessage(Level = LogLevel.Critical, Message = "{Role} failed")]
    private static partial void LogFailed(ILogger logger, string role, Exception exception);
}
