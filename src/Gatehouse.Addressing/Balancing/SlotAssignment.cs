using System.Collections.Immutable;

namespace Gatehouse.Addressing.Balancing;

/// <summary>How the kernel draws a slot for a new connection.</summary>
public enum SlotDraw
{
    /// <summary>The next slot, by a counter.</summary>
    Next,

    /// <summary>Any slot, each as likely as the other.</summary>
    Random,

    /// <summary>By a hash of the client's address.</summary>
    ClientHash,
}

/// <summary>
/// A service address as the kernel sees it: a number of slots, each of which holds an instance, and how one is drawn. Every policy is a way to fill slots,
/// so that one map serves them all.
/// </summary>
/// <param name="Draw">How a slot is drawn.</param>
/// <param name="Slots">For each slot the position of its instance in the list that was given; empty when nobody takes connections.</param>
public sealed record SlotAssignment(SlotDraw Draw, ImmutableArray<int> Slots)
{
    /// <summary>The most slots of one address: more instances than this, and some take no new connections.</summary>
    public const int MaxSlots = 1_024;

    /// <summary>Nobody takes connections.</summary>
    public static SlotAssignment None { get; } = new(SlotDraw.Next, []);

    /// <inheritdoc/>
    public bool Equals(SlotAssignment? other) => other is not null && Draw == other.Draw && Slots.SequenceEqual(other.Slots);

    /// <inheritdoc/>
    public override int GetHashCode() => HashCode.Combine(Draw, Slots.Length, Slots.IsEmpty ? 0 : Slots[0]);
}

/// <summary>An instance that may take new connections, as the policies weigh it.</summary>
/// <param name="Key">Stays the same for the instance's life; sticky clients follow it.</param>
/// <param name="Weight">Share under the weighted policy, 0 (none) to 256.</param>
/// <param name="Load">Open connections; null when unknown, which counts as the mean of the others.</param>
/// <param name="Place">Where it runs; instances of one place are equally far.</param>
public readonly record struct Candidate(ulong Key, int Weight, int? Load, string Place);
