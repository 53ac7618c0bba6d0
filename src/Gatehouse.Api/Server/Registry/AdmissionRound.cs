using Gatehouse.Objects;
using Gatehouse.Store;

namespace Gatehouse.Api.Server.Registry;

/// <summary>One write's way through the admissions: those that said yes get it back (<see cref="IAdmission.Abandon"/>) unless the write is kept.</summary>
internal sealed class AdmissionRound(IReadOnlyList<IAdmission> admissions, AdmissionRequest request) : IAsyncDisposable
{
    private int _admitted;

    /// <summary>Asks each in order; stops at the first refusal.</summary>
    public async ValueTask<Status?> AdmitAsync(CancellationToken cancellation)
    {
        foreach (var admission in admissions)
        {
            if (await admission.AdmitAsync(request, cancellation) is { } refusal) return refusal;
            _admitted++;
        }

        return null;
    }

    /// <summary>
    /// Writes what was admitted. When the store fails, nobody knows whether the write is on disk, so nothing is given back: what an admission took is then lost
    /// until it rebuilds its state from the store, which is better than handed out twice. For the same reason the caller can't cancel a write.
    /// </summary>
    public async ValueTask<WriteResult> WriteAsync(IRevisionStore store, StoreWrite write)
    {
        var count = _admitted;
        _admitted = 0;
        var result = await store.WriteAsync(write, CancellationToken.None);
        if (!result.Written) _admitted = count;
        return result;
    }

    /// <summary>What was admitted is what is stored already.</summary>
    public void Keep() => _admitted = 0;

    /// <summary>Gives back, last first.</summary>
    public ValueTask DisposeAsync()
    {
        while (_admitted > 0) admissions[--_admitted].Abandon(request);
        return ValueTask.CompletedTask;
    }
}
