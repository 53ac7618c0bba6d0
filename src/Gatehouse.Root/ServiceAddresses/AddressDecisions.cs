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
        lock (decision.Gate)
        {
            if (decision.IsOver) return false;
            decision.IsOver = true;
            foreach (var grant in Enumerable.Reverse(decision.Grants)) book.Undo(grant);
            if (decision.Missed is { } missed) GiveBack(missed.Held, missed.Claims);
        }

        return _inFlight.End(owner, decision);
    }

    /// <summary>An owner's object is stored as it is now, or gone.</summary>
    /// <param name="held">Its addresses.</param>
    /// <param name="claims">All claims that such an owner can have.</param>
    /// <remarks>
    /// No write is decided meanwhile: it would be granted what the owner has, and that would be given back the moment after, with an object stored that holds it.
    /// </remarks>
    public void Settle(string owner, IReadOnlySet<IPAddress> held, IEnumerable<Claim> claims)
    {
        Claim[] all = [.. claims];
        while (true)
        {
            if (_inFlight.Find(owner) is not { } decision)
            {
                decision = new Decision(null);
                if (!_inFlight.TryBegin(owner, decision)) continue;
                GiveBack(held, all);
                _inFlight.End(owner, decision);
                return;
            }

            lock (decision.Gate)
            {
                // Abandoned since it was found: it is about to go.
                if (decision.IsOver) continue;
                if (!decision.IsStoredBy(held))
                {
                    decision.Missed = (held, all);
                    return;
                }

                decision.IsOver = true;
                GiveBack(held, all);
            }

            _inFlight.End(owner, decision);
            return;
        }
    }

    private void GiveBack(IReadOnlySet<IPAddress> held, Claim[] claims)
    {
        foreach (var claim in claims)
        {
            var leased = book.AddressesOf(claim);
            if (leased.Count > 0 && !leased.Any(held.Contains)) book.Release(claim);
            foreach (var address in leased) touched(address);
        }
    }

    /// <summary>What one write was granted.</summary>
    /// <param name="request">Null while <see cref="Settle"/> gives back.</param>
    internal sealed class Decision(AdmissionRequest? request) : WriteDecision(request)
    {
        private volatile bool _isComplete;

        /// <summary>Guards all but <see cref="Grants"/>, which belongs to the write's own thread until it is complete.</summary>
        public Lock Gate { get; } = new();

        public List<Grant> Grants { get; } = [];

        /// <summary>Stored, or undone.</summary>
        public bool IsOver { get; set; }

        /// <summary>How the object was seen last, before this write: what counts when it is not made.</summary>
        public (IReadOnlySet<IPAddress> Held, Claim[] Claims)? Missed { get; set; }

        /// <summary>Every grant is there; before the write goes to the store.</summary>
        public void Complete() => _isComplete = true;

        /// <summary>Whether an object with these addresses is the one that this write stored.</summary>
        public bool IsStoredBy(IReadOnlySet<IPAddress> held) =>
            _isComplete && Grants.SelectMany(g => new[] { IPAddress.Parse(g.Pair.Ipv4!), IPAddress.Parse(g.Pair.Ipv6!) }).All(held.Contains);
    }
}
