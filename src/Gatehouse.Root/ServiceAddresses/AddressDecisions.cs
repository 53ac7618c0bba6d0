using System.Net;
using Gatehouse.Api.Server;

namespace Gatehouse.Root.ServiceAddresses;

/// <summary>
/// Grants made for writes under way, by owner. Ends them when the object is seen stored, undoes them when it was not, and gives back what an object
/// does not hold any more.
/// </summary>
internal sealed class AddressDecisions(AddressBook book, Action<IPAddress> touched, TimeProvider time)
{
    private readonly InFlight<Decision> _inFlight = new(time);

    /// <summary>Takes an owner for one write. Null when another write has it for too long.</summary>
    public async ValueTask<Decision?> BeginAsync(AdmissionRequest request, string owner, CancellationToken cancellation)
    {
        var decision = new Decision(request);
        return await _inFlight.BeginAsync(owner, decision, cancellation) ? decision : null;
    }

    /// <summary>The write was not made.</summary>
    /// <returns>Whether it was this owner's write.</returns>
    public bool Abandon(AdmissionRequest request, string owner)
    {
        if (_inFlight.Find(owner) is not { } decision || decision.Request != request) return false;
        foreach (var grant in Enumerable.Reverse(decision.Grants)) book.Undo(grant);
        return _inFlight.End(owner, decision);
    }

    /// <summary>An owner's object is stored as it is now, or gone.</summary>
    /// <param name="held">Its addresses.</param>
    /// <param name="claims">All claims that such an owner can have.</param>
    public void Settle(string owner, IReadOnlySet<IPAddress> held, IEnumerable<Claim> claims)
    {
        if (_inFlight.Find(owner) is { } decision)
        {
            if (!decision.Addresses.All(held.Contains)) return;
            _inFlight.End(owner, decision);
        }

        foreach (var claim in claims)
        {
            var leased = book.AddressesOf(claim);
            if (leased.Count > 0 && !leased.Any(held.Contains)) book.Release(claim);
            foreach (var address in leased) touched(address);
        }
    }

    /// <summary>What one write was granted.</summary>
    internal sealed class Decision(AdmissionRequest request) : WriteDecision(request)
    {
        public List<Grant> Grants { get; } = [];

        public IEnumerable<IPAddress> Addresses => Grants.SelectMany(g => new[] { IPAddress.Parse(g.Pair.Ipv4!), IPAddress.Parse(g.Pair.Ipv6!) });
    }
}
