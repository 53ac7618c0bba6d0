using System.Net;
using System.Net.Sockets;
using Gatehouse.Addressing;
using Gatehouse.Objects;
using Gatehouse.Objects.Kinds;

namespace Gatehouse.Root.ServiceAddresses;

/// <summary>Who asks for an address pair, and what for.</summary>
/// <param name="Owner"><c>service/NAME</c> or <c>instance/NAME</c>.</param>
internal readonly record struct Claim(AddressUse Use, string Owner)
{
    public static Claim OfService(string name, BalancingPolicy policy) => new(UseOf(policy), $"service/{name}");

    public static Claim OfInstance(string name) => new(AddressUse.Instance, $"instance/{name}");

    /// <summary>The pools know owners by this: a service has an address for each policy.</summary>
    public string PoolOwner => $"{SemanticRange.NameOf(Use)} {Owner}";

    public static Claim OfPoolOwner(string poolOwner)
    {
        var space = poolOwner.IndexOf(' ', StringComparison.Ordinal);
        return new Claim(ParseUse(poolOwner[..space])!.Value, poolOwner[(space + 1)..]);
    }

    public static AddressUse? ParseUse(string name) => Enum.GetValues<AddressUse>().Where(u => SemanticRange.NameOf(u) == name).Select(u => (AddressUse?)u).FirstOrDefault();

    private static AddressUse UseOf(BalancingPolicy policy) => policy switch
    {
        BalancingPolicy.RoundRobin => AddressUse.RoundRobin,
        BalancingPolicy.Closest => AddressUse.Closest,
        BalancingPolicy.LeastLoaded => AddressUse.LeastLoaded,
        BalancingPolicy.Weighted => AddressUse.Weighted,
        BalancingPolicy.Sticky => AddressUse.Sticky,
        _ => throw new ArgumentOutOfRangeException(nameof(policy), policy, "has no address range"),
    };
}

/// <summary>An address pair that a claim got, with what is needed to undo it.</summary>
internal sealed record Grant(Claim Claim, AddressPair Pair, AllocateOutcome.Allocated V4, AllocateOutcome.Allocated V6);

/// <summary>What a claim came to: the grant, or each fault of the wish, or what has run out.</summary>
internal sealed record ClaimOutcome(Grant? Grant, IReadOnlyList<Fault> Faults, string? Exhausted);

/// <summary>
/// Service and instance addresses: one IPv4 pool for all uses, one IPv6 pool for each, behind one lock. Rebuilt at start from services, instances and address leases.
/// </summary>
internal sealed class AddressBook
{
    private readonly Lock _gate = new();
    private readonly TimeProvider _time;
    private readonly FifoPool _v4;
    private readonly FifoPool[] _v6;

    public AddressBook(RootOptions options, TimeProvider time)
    {
        _time = time;
        _v4 = Pool(SemanticRange.ForIpv4, options, [0, 65_535]);
        _v6 = [.. Enum.GetValues<AddressUse>().Select(u => Pool(SemanticRange.ForIpv6(u), options, [0]))];
    }

    /// <summary>Gives a claim its pair: the one it has, the one it wishes, or the next.</summary>
    /// <param name="field">Where the wish stands in the object, for faults.</param>
    public ClaimOutcome Allocate(Claim claim, string? wished4, string? wished6, string field)
    {
        lock (_gate)
        {
            List<Fault> faults = [];
            var first = Take(claim, SemanticRange.ForIpv4, _v4, wished4, $"{field}.ipv4", faults);
            var second = Take(claim, SemanticRange.ForIpv6(claim.Use), _v6[(int)claim.Use], wished6, $"{field}.ipv6", faults);
            if (first is AllocateOutcome.Allocated v4 && second is AllocateOutcome.Allocated v6) return new ClaimOutcome(GrantOf(claim, v4, v6), [], null);
            if (first is AllocateOutcome.Allocated done4) _v4.Undo(done4);
            if (second is AllocateOutcome.Allocated done6) _v6[(int)claim.Use].Undo(done6);
            var exhausted = first as AllocateOutcome.Exhausted ?? second as AllocateOutcome.Exhausted;
            return new ClaimOutcome(null, faults, faults.Count > 0 ? null : exhausted?.ToString());
        }
    }

    /// <summary>Undoes a grant that was not stored.</summary>
    public void Undo(Grant grant)
    {
        lock (_gate)
        {
            _v4.Undo(grant.V4);
            _v6[(int)grant.Claim.Use].Undo(grant.V6);
        }
    }

    /// <summary>Starts the quarantine of what a claim has.</summary>
    /// <returns>The addresses concerned.</returns>
    public IReadOnlyList<IPAddress> Release(Claim claim)
    {
        lock (_gate)
        {
            var now = _time.GetUtcNow();
            List<IPAddress> released = [];
            if (_v4.Release(claim.PoolOwner, now) is { } v4) released.Add(SemanticRange.ForIpv4.At(v4.Number));
            if (_v6[(int)claim.Use].Release(claim.PoolOwner, now) is { } v6) released.Add(SemanticRange.ForIpv6(claim.Use).At(v6.Number));
            return released;
        }
    }

    /// <summary>Takes in what was written down; leases have to come first.</summary>
    /// <returns>False when the address is of no range or somebody else's.</returns>
    public bool Restore(Claim claim, IPAddress address, PoolPhase phase, DateTimeOffset since)
    {
        lock (_gate)
        {
            return PoolOf(address) is var (range, pool) && range.OffsetOf(address) is { } offset
                && pool.Restore(new PoolEntry(offset, claim.PoolOwner, phase, since));
        }
    }

    /// <summary>What is known of an address after quarantines whose time has come were ended; null when nobody ever had it.</summary>
    public PoolEntry? Find(IPAddress address)
    {
        lock (_gate)
        {
            if (PoolOf(address) is not var (range, pool)) return null;
            pool.Expire(_time.GetUtcNow());
            return range.OffsetOf(address) is { } offset ? pool.Find(offset) : null;
        }
    }

    /// <summary>Every address that was ever handed out.</summary>
    public IReadOnlyList<IPAddress> Known
    {
        get
        {
            lock (_gate)
            {
                var v6 = Enum.GetValues<AddressUse>().SelectMany(u => _v6[(int)u].Entries.Select(e => SemanticRange.ForIpv6(u).At(e.Number)));
                return [.. _v4.Entries.Select(e => SemanticRange.ForIpv4.At(e.Number)), .. v6];
            }
        }
    }

    /// <summary>The addresses that a claim leases now.</summary>
    public IReadOnlyList<IPAddress> AddressesOf(Claim claim)
    {
        lock (_gate)
        {
            List<IPAddress> held = [];
            if (_v4.FindOwner(claim.PoolOwner) is { Phase: PoolPhase.Leased } v4) held.Add(SemanticRange.ForIpv4.At(v4.Number));
            if (_v6[(int)claim.Use].FindOwner(claim.PoolOwner) is { Phase: PoolPhase.Leased } v6) held.Add(SemanticRange.ForIpv6(claim.Use).At(v6.Number));
            return held;
        }
    }

    /// <summary>IPv4 addresses leased, in quarantine, waiting for reuse.</summary>
    public (int Leased, int Quarantined, int Free) Counts
    {
        get
        {
            lock (_gate) return (_v4.Leased, _v4.Quarantined, _v4.Free);
        }
    }

    /// <summary>IPv4 or IPv6 round-robin addresses that a claim for any of them would get now, the next first, without taking them.</summary>
    public IReadOnlyList<IPAddress> Preview(AddressFamily family, int count)
    {
        lock (_gate)
        {
            var (range, pool) = family == AddressFamily.InterNetwork
                ? (SemanticRange.ForIpv4, _v4)
                : (SemanticRange.ForIpv6(AddressUse.RoundRobin), _v6[(int)AddressUse.RoundRobin]);
            var now = _time.GetUtcNow();
            List<AllocateOutcome.Allocated> taken = [];
            while (taken.Count < count && pool.Allocate($"preview {taken.Count}", now) is AllocateOutcome.Allocated a) taken.Add(a);
            foreach (var a in Enumerable.Reverse(taken)) pool.Undo(a);
            return [.. taken.Select(a => range.At(a.Number))];
        }
    }

    private AllocateOutcome? Take(Claim claim, SemanticRange range, FifoPool pool, string? wished, string field, List<Fault> faults)
    {
        var now = _time.GetUtcNow();
        if (wished is null) return pool.Allocate(claim.PoolOwner, now);
        if (!Addresses.TryParse(wished, out var address) || address.AddressFamily != range.Family)
        {
            faults.Add(new Fault(field, wished, $"must be an {(range.Family == AddressFamily.InterNetwork ? "IPv4" : "IPv6")} address in {range}"));
            return null;
        }

        // An offset past the end makes the pool say that the address lies outside.
        var outcome = pool.Allocate(claim.PoolOwner, range.OffsetOf(address) ?? range.Count, now);
        if (outcome is AllocateOutcome.Refused refused)
        {
            var holder = refused.Holder is { } h ? Claim.OfPoolOwner(h).Owner : null;
            faults.Add(new Fault(field, wished, (refused with { Holder = holder }).Explain(range.ToString())));
        }

        return outcome;
    }

    private static Grant GrantOf(Claim claim, AllocateOutcome.Allocated v4, AllocateOutcome.Allocated v6) => new(
        claim,
        new AddressPair(SemanticRange.ForIpv4.At(v4.Number).ToString(), SemanticRange.ForIpv6(claim.Use).At(v6.Number).ToString()),
        v4,
        v6);

    private (SemanticRange Range, FifoPool Pool)? PoolOf(IPAddress address)
    {
        if (address.AddressFamily == AddressFamily.InterNetwork) return (SemanticRange.ForIpv4, _v4);
        return SemanticRange.UseOf(address) is { } use ? (SemanticRange.ForIpv6(use), _v6[(int)use]) : null;
    }

    private static FifoPool Pool(SemanticRange range, RootOptions options, IReadOnlyList<UInt128> always) => new(new FifoPoolOptions
    {
        Name = range.Family == AddressFamily.InterNetwork ? "IPv4 service and instance addresses" : $"IPv6 addresses in {range}",
        Count = range.Count,
        Quarantine = options.AddressQuarantine,
        Reserved = [.. always, .. options.ReservedAddresses.Select(range.OffsetOf).OfType<UInt128>()],
    });
}
