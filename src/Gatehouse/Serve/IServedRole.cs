namespace Gatehouse.Serve;

/// <summary>One role in this process.</summary>
internal interface IServedRole : IAsyncDisposable
{
    /// <summary>Loads its state, joins when it has not, and listens. When it returns, the role serves.</summary>
    Task StartAsync(CancellationToken cancellation);

    /// <summary>Works until cancelled. An exception is a defect and ends the process, so that a supervisor starts it afresh.</summary>
    Task RunAsync(CancellationToken cancellation);
}
