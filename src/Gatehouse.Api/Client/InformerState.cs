using System.Collections.Immutable;
using Gatehouse.Objects;

namespace Gatehouse.Api.Client;

/// <summary>What an informer knows at one moment.</summary>
/// <param name="Objects">A hash tree that shares what did not change: one change costs O(log n) and copies nothing else.</param>
/// <param name="Revision">Of the last event or list; empty when there was none.</param>
/// <param name="ConfirmedAt">When the server last said that this is the state; null when it never did.</param>
internal sealed record InformerState<T>(ImmutableDictionary<ObjectKey, T> Objects, string Revision, DateTimeOffset? ConfirmedAt)
    where T : ApiObject, IKind<T>
{
    public static InformerState<T> Empty { get; } = new(ImmutableDictionary<ObjectKey, T>.Empty, "", null);
}
