using System.Net;
using System.Net.Sockets;
using Gatehouse.Addressing;
using Gatehouse.Api.Client;
using Gatehouse.Api.Reconciling;
using Gatehouse.Api.Server;
using Gatehouse.Objects;
using Gatehouse.Objects.Kinds;

namespace Gatehouse.Root.ServiceAddresses;

/// <summary>
/// Writes down who has which address: one <see cref="AddressLease"/> for each address that was ever given out. What is leased also stands in the service or instance
/// itself, in one write with it, and wins at the next start; quarantine and the place in the queue stand here alone.
/// </summary>
internal sealed class AddressLedger(AddressBook book, RootOptions options)
{
    private ObjectFeed<AddressLease>? _feed;
    private IObjectClient? _local;

    /// <summary>Sets where leases are read and written; before anything else.</summary>
    public void Attach(ObjectFeed<AddressLease> feed, IObjectClient local) => (_feed, _local) = (feed, local);

    /// <summary>The name of an address's lease.</summary>
    public static string NameOf(IPAddress address) => address.AddressFamily == AddressFamily.InterNetwork
        ? address.ToString()
        : string.Join('-', Convert.ToHexStringLower(address.GetAddressBytes()).Chunk(4).Select(c => new string(c)));

    /// <summary>Brings one address's lease to what the book says.</summary>
    public async Task<DateTimeOffset?> StepAsync(IPAddress address, CancellationToken cancellation)
    {
        var entry = book.Find(address);
        var stored = _feed!.Find(NameOf(address));
        if (entry is null)
        {
            if (stored is not null) await _local!.DeleteAsync<AddressLease>(stored.Key, null, cancellation);
            return null;
        }

        var wanted = Describe(address, entry);
        stored ??= await CreateAsync(wanted, cancellation);
        if (stored is not null) await RewriteAsync(stored, wanted, cancellation);
        return entry.Phase == PoolPhase.Quarantined ? entry.Since + options.AddressQuarantine : null;
    }

    /// <returns>What is there already: the loop and the deletion of an owner may write one lease at the same moment. Null when it was made.</returns>
    private async Task<AddressLease?> CreateAsync(AddressLease wanted, CancellationToken cancellation)
    {
        try
        {
            _feed!.Observe(await _local!.CreateAsync(wanted, cancellation));
            return null;
        }
        catch (ApiStatusException e) when (e.Is(StatusReason.AlreadyExists))
        {
            return await _local!.GetAsync<AddressLease>(wanted.Key, cancellation) is { } there ? _feed!.Observe(there) : null;
        }
    }

    /// <summary>Makes sure that claims are written down before their owner is deleted: otherwise a crash right after would forget their quarantine.</summary>
    public async Task EnsureWrittenAsync(string owner, IEnumerable<Claim> claims, CancellationToken cancellation)
    {
        foreach (var address in claims.Where(c => c.Owner == owner).SelectMany(book.AddressesOf))
        {
            if (_feed!.Find(NameOf(address))?.Spec.Owner != owner) await StepAsync(address, cancellation);
        }
    }

    /// <summary>The lease that goes with an entry.</summary>
    public static AddressLease Describe(IPAddress address, PoolEntry entry)
    {
        var claim = Claim.OfPoolOwner(entry.Owner);
        var isV4 = address.AddressFamily == AddressFamily.InterNetwork;
        return new AddressLease
        {
            Metadata = new ObjectMeta { Name = NameOf(address) },
            Spec = new AddressLeaseSpec
            {
                Use = SemanticRange.NameOf(claim.Use),
                Owner = claim.Owner,
                Ipv4 = isV4 ? address.ToString() : null,
                Ipv6 = isV4 ? null : address.ToString(),
            },
            Status = new AddressLeaseStatus { Phase = (AddressPhase)entry.Phase, Since = entry.Since },
        };
    }

    private async Task RewriteAsync(AddressLease stored, AddressLease wanted, CancellationToken cancellation)
    {
        // Ages of leases are those of the owner's object after a restart; only a change of phase or owner is news.
        if (stored.Spec == wanted.Spec && stored.Status?.Phase == wanted.Status!.Phase && (stored.Status.Phase == AddressPhase.Leased || stored.Status == wanted.Status)) return;
        var current = stored.Spec == wanted.Spec ? stored : _feed!.Observe(await _local!.UpdateAsync(stored with { Spec = wanted.Spec }, cancellation));
        _feed!.Observe(await _local!.UpdateStatusAsync(current with { Status = wanted.Status }, cancellation));
    }

}

/// <summary>Keeps address leases the ledger's alone: a lease says what the book says, or is refused. Fills the status in the write that creates it.</summary>
internal sealed class AddressLeaseAdmission(AddressBook book) : IAdmission
{
    /// <inheritdoc/>
    public IReadOnlyCollection<KindInfo> Kinds { get; } = [AddressLease.Info];

    /// <inheritdoc/>
    public ValueTask<Status?> AdmitAsync(AdmissionRequest request, CancellationToken cancellation)
    {
        if (request.Read<AddressLease>() is not { } lease) return new((Status?)null);
        var entry = Addresses.TryParse(lease.Spec.Ipv4 ?? lease.Spec.Ipv6, out var address) ? book.Find(address) : null;
        var wanted = entry is null ? null : AddressLedger.Describe(address, entry);
        if (request.Verb == AdmissionVerb.Delete) return new(wanted is null ? null : Refuse(request));
        if (wanted is null || wanted.Spec != lease.Spec || wanted.Metadata.Name != lease.Metadata.Name) return new(Refuse(request));
        if (request.Verb == AdmissionVerb.UpdateStatus && wanted.Status!.Phase != lease.Status?.Phase) return new(Refuse(request));
        if (request.Verb == AdmissionVerb.Create) request.SetStatus(wanted.Status!, ObjectsJson.Default.AddressLeaseStatus);
        return new((Status?)null);
    }

    /// <inheritdoc/>
    public void Abandon(AdmissionRequest request)
    {
    }

    private static Status Refuse(AdmissionRequest request) => request.Forbidden("address leases follow from services and instances, and root alone writes them");
}
