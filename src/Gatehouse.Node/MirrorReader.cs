using Gatehouse.Api.Client;
using Gatehouse.Objects;

namespace Gatehouse.Node;

/// <summary>
/// A mirror for the one part that turns its objects into something else: first what was on disk, then every change from there on. What left in between, which the mirror alone
/// saw, comes as a change too.
/// </summary>
internal sealed class MirrorReader<T>(IInformer<T> mirror)
    where T : ApiObject, IKind<T>
{
    private IReadOnlyDictionary<ObjectKey, T>? _taken;

    /// <summary>What is on disk, to be taken in before the changes.</summary>
    public IReadOnlyCollection<T> Load()
    {
        _taken = mirror.Snapshot;
        return [.. _taken.Values];
    }

    /// <summary>The changes since <see cref="Load"/>, once.</summary>
    public IAsyncEnumerable<IReadOnlyList<ObjectEvent<T>>> ChangesAsync(int max, CancellationToken cancellation)
    {
        var taken = Interlocked.Exchange(ref _taken, null) ?? throw new InvalidOperationException($"the changes of {T.Info.Plural} follow what was loaded, and are read once");
        return mirror.ChangesSince(taken, max, cancellation);
    }
}
