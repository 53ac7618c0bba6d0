using Gatehouse.Api.Client;
using Gatehouse.Objects;
using Gatehouse.Objects.Kinds;

namespace Gatehouse.TestKit;

/// <summary>The node role of a gateway's worker as its cluster sees it: reads the worker's exposures with the worker's rights and says that its kernel holds them, or nothing of them any more.</summary>
public sealed class ExposureWorker : IAsyncDisposable
{
    private readonly string _name;
    private readonly HttpObjectClient _client;
    private readonly Informer<Exposure> _exposures;
    private readonly CancellationTokenSource _stop = new();
    private readonly Task _running;

    private ExposureWorker(string name, HttpObjectClientOptions options)
    {
        _name = name;
        _client = new HttpObjectClient(options);
        _exposures = new Informer<Exposure>(_client, new Selection(Fields: $"status.worker={name}"), new InformerOptions { BackoffMax = TimeSpan.FromMilliseconds(200) });
        _running = Task.WhenAll(_exposures.RunAsync(_stop.Token), AnswerAsync());
    }

    /// <summary>What it says is open while an exposure drains; null, the default: it says nothing.</summary>
    public int? Flows { get; set; }

    /// <summary>Begins to answer.</summary>
    public static ExposureWorker Start(string name, HttpObjectClientOptions options) => new(name, options);

    public async ValueTask DisposeAsync()
    {
        await _stop.CancelAsync();
        await _running.ContinueWith(_ => { }, TaskScheduler.Default);
        await _exposures.DisposeAsync();
        _client.Dispose();
        _stop.Dispose();
        if (_running.IsFaulted) await _running;
    }

    private async Task AnswerAsync()
    {
        await foreach (var change in _exposures.ChangesAsync(_stop.Token))
        {
            if (change.Type == ObjectEventType.Deleted || change.Object is not { Status: { } status } exposure) continue;
            var word = new ProgrammedExposure { Worker = _name, Generation = exposure.Metadata.Generation ?? 0, PublicAddresses = status.PublicAddresses };
            var said = status.Phase switch
            {
                ExposurePhase.Scheduled => status with { Programmed = word },
                ExposurePhase.Draining => status with { Flows = Flows ?? status.Flows },
                ExposurePhase.Withdrawn => status with { Flows = 0 },
                _ => status,
            };
            if (said != status) await SayAsync(exposure with { Status = said });
        }
    }

    private async Task SayAsync(Exposure exposure)
    {
        try
        {
            await _client.UpdateStatusAsync(exposure, _stop.Token);
        }
        catch (ApiStatusException e) when (e.Is(StatusReason.Conflict) || e.Is(StatusReason.NotFound) || e.Is(StatusReason.Forbidden))
        {
            // It changed or went meanwhile, and comes again.
        }
        catch (ApiUnreachableException)
        {
            // The cluster restarts: what it lists then is answered.
        }
    }
}
