using System.Collections.Immutable;

namespace Gatehouse.Addressing.Balancing;

/// <summary>The policies: instances in, slots out. Pure, and the same for every worker that gets the same list.</summary>
public static class SlotFill
{
    /// <summary>Shares of a weighted service are exact up to this sum of (reduced) weights, and rounded past it.</summary>
    private const int ExactWeights = 64;

    private const int LoadSlotsPerCandidate = 8;

    /// <summary>Every connection the next instance.</summary>
    public static SlotAssignment RoundRobin(IReadOnlyList<Candidate> candidates) =>
        new(SlotDraw.Next, [.. Enumerable.Range(0, Math.Min(candidates.Count, SlotAssignment.MaxSlots))]);

    /// <summary>In proportion to the weights; an instance of weight 0 takes none, unless all have 0: then nobody takes any.</summary>
    public static SlotAssignment Weighted(IReadOnlyList<Candidate> candidates)
    {
        var weights = candidates.Select(c => (double)Math.Clamp(c.Weight, 0, 256)).ToArray();
        var divisor = weights.Aggregate(0, (acc, w) => Gcd(acc, (int)w));
        if (divisor == 0) return SlotAssignment.None;
        var sum = (int)weights.Sum() / divisor;
        var takers = weights.Count(w => w > 0);
        return new(SlotDraw.Random, Apportion(weights, sum <= ExactWeights ? sum : SlotCount(Math.Max(ExactWeights, takers * 16))));
    }

    /// <summary>Instances with fewer open connections get more of the new ones: a share of 1 / (1 + load), and every instance at least one slot.</summary>
    public static SlotAssignment LeastLoaded(IReadOnlyList<Candidate> candidates)
    {
        if (candidates.Count == 0) return SlotAssignment.None;
        var known = candidates.Where(c => c.Load is not null).Select(c => (double)Math.Max(0, c.Load!.Value)).ToArray();
        var mean = known.Length == 0 ? 0 : known.Average();
        var shares = candidates.Select(c => 1 / (1 + (c.Load is { } load ? Math.Max(0, load) : mean))).ToArray();
        return new(SlotDraw.Random, Apportion(shares, SlotCount(candidates.Count * LoadSlotsPerCandidate), atLeast: 1));
    }

    /// <summary>
    /// The same client the same instance as long as the instances stay; when one goes, the clients of the others keep theirs but for a few. Maglev's filling
    /// (Eisenbud et al., NSDI 2016 §3.4): each instance walks its own permutation of the slots, and they take turns.
    /// </summary>
    public static SlotAssignment Sticky(IReadOnlyList<Candidate> candidates)
    {
        if (candidates.Count == 0) return SlotAssignment.None;
        var size = StickySlots(candidates.Count);
        var slots = new int[size];
        Array.Fill(slots, -1);
        var order = Enumerable.Range(0, candidates.Count).OrderBy(i => candidates[i].Key).Take(size).ToArray();
        var next = new int[candidates.Count];
        for (var filled = 0; filled < size;)
        {
            foreach (var i in order)
            {
                if (filled == size) break;
                slots[Claim(slots, candidates[i].Key, ref next[i])] = i;
                filled++;
            }
        }

        return new(SlotDraw.ClientHash, [.. slots]);
    }

    /// <summary>The instances of one place take turns.</summary>
    /// <param name="place">As <see cref="ClosestPlace"/> chose it; null, or a place without instance: all take turns.</param>
    public static SlotAssignment Closest(IReadOnlyList<Candidate> candidates, string? place)
    {
        var near = Enumerable.Range(0, candidates.Count).Where(i => candidates[i].Place == place).Take(SlotAssignment.MaxSlots).ToImmutableArray();
        return near.IsEmpty ? RoundRobin(candidates) : new(SlotDraw.Next, near);
    }

    /// <summary>Largest remainders (Hamilton): the whole parts first, then one more for the largest rests.</summary>
    private static ImmutableArray<int> Apportion(double[] shares, int slots, int atLeast = 0)
    {
        var sum = shares.Sum();
        var quota = shares.Select(s => s / sum * slots).ToArray();
        var counts = quota.Select(q => Math.Max(atLeast, (int)q)).ToArray();
        var byRest = Enumerable.Range(0, shares.Length).Where(i => shares[i] > 0).OrderByDescending(i => quota[i] - counts[i]).ThenBy(i => i).ToArray();
        for (var k = 0; counts.Sum() < slots; k++) counts[byRest[k % byRest.Length]]++;

        // The minimum of one may have given out more than there is: the richest give back.
        while (counts.Sum() > slots) counts[Array.IndexOf(counts, counts.Max())]--;
        return [.. counts.SelectMany((count, i) => Enumerable.Repeat(i, count))];
    }

    private static int SlotCount(int wanted)
    {
        var size = 16;
        while (size < wanted && size < SlotAssignment.MaxSlots) size *= 2;
        return size;
    }

    /// <summary>Primes, since each step of a permutation must be coprime to the size.</summary>
    private static int StickySlots(int candidates) => candidates switch { 1 => 1, <= 8 => 67, <= 32 => 251, _ => 1_021 };

    private static int Claim(int[] slots, ulong key, ref int next)
    {
        var size = (ulong)slots.Length;
        if (size == 1) return 0;
        var offset = Mix(key) % size;
        var skip = (Mix(key ^ 0x9E37_79B9_7F4A_7C15) % (size - 1)) + 1;
        while (true)
        {
            var slot = (int)((offset + ((ulong)next * skip)) % size);
            next++;
            if (slots[slot] < 0) return slot;
        }
    }

    /// <summary>The finaliser of SplitMix64: neighbouring keys get unrelated permutations.</summary>
    private static ulong Mix(ulong x)
    {
        x ^= x >> 30;
        x *= 0xBF58_476D_1CE4_E5B9;
        x ^= x >> 27;
        x *= 0x94D0_49BB_1331_11EB;
        return x ^ (x >> 31);
    }

    private static int Gcd(int a, int b) => b == 0 ? a : Gcd(b, a % b);
}
