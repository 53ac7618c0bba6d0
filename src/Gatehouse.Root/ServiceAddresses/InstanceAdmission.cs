using System.Globalization;
using System.Net;
using Gatehouse.Api.Client;
using Gatehouse.Api.Server;
using Gatehouse.Objects;
using Gatehouse.Objects.Kinds;

namespace Gatehouse.Root.ServiceAddresses;

/// <summary>Gives an instance its instance address in the write that declares it, and keeps it for the instance's life.</summary>
internal sealed class InstanceAdmission(AddressBook book, AddressDecisions decisions, AddressLedger ledger, Func<string, FabricService?> services, IObjectClient local)
    : IAdmission
{
    /// <inheritdoc/>
    public IReadOnlyCollection<KindInfo> Kinds { get; } = [FabricInstance.Info];

    /// <inheritdoc/>
    public async ValueTask<Status?> AdmitAsync(AdmissionRequest request, CancellationToken cancellation)
    {
        if (request.Read<FabricInstance>() is not { } instance) return null;
        switch (request.Verb)
        {
            case AdmissionVerb.Create:
                return await DeclareAsync(request, instance, cancellation);
            case AdmissionVerb.Update:
                return CheckChange(request, instance, request.ReadOld<FabricInstance>()!);
            case AdmissionVerb.UpdateStatus:
                var address = request.ReadOld<FabricInstance>()!.Status?.Instance;
                request.SetStatus((instance.Status ?? new FabricInstanceStatus()) with { Instance = address }, ObjectsJson.Default.FabricInstanceStatus);
                return null;
            default:
                await ledger.EnsureWrittenAsync(Owner(request), [Claim.OfInstance(request.Key.Name)], cancellation);
                return null;
        }
    }

    /// <inheritdoc/>
    public void Abandon(AdmissionRequest request) => decisions.Abandon(request, Owner(request));

    /// <summary>An instance is stored so now, or gone.</summary>
    public void Settle(string name, FabricInstance? stored) => decisions.Settle($"instance/{name}", AddressesOf(stored), [Claim.OfInstance(name)]);

    /// <summary>The instance addresses in an instance's status.</summary>
    public static IReadOnlySet<IPAddress> AddressesOf(FabricInstance? instance) =>
        new[] { instance?.Status?.Instance?.Ipv4, instance?.Status?.Instance?.Ipv6 }.OfType<string>().Select(IPAddress.Parse).ToHashSet();

    private static string Owner(AdmissionRequest request) => $"instance/{request.Key.Name}";

    private async Task<Status?> DeclareAsync(AdmissionRequest request, FabricInstance instance, CancellationToken cancellation)
    {
        var (service, number, name) = (instance.Spec.Service, instance.Spec.Number, instance.Metadata.Name);
        List<Fault> faults = [];
        if (name != FabricInstance.NameFor(service, number)) faults.Add(new Fault("metadata.name", name, $"must be SERVICE.NUMBER: {FabricInstance.NameFor(service, number)}"));
        // The feed may be a moment behind the create that the caller just made.
        if (services(service) is null && !await ExistsAsync(service, cancellation)) faults.Add(new Fault("spec.service", service, "no such service"));
        if (faults.Count > 0) return request.Invalid(faults);
        if (await decisions.BeginAsync(request, Owner(request), cancellation) is not { } decision) return request.Conflict("another request for it is under way");
        var outcome = book.Allocate(Claim.OfInstance(name), null, null, "");
        if (outcome.Grant is not { } grant)
        {
            decisions.Abandon(request, Owner(request));
            return request.Unavailable(outcome.Exhausted!);
        }

        decision.Grants.Add(grant);
        decision.Complete();
        request.SetStatus(new FabricInstanceStatus { Instance = grant.Pair }, ObjectsJson.Default.FabricInstanceStatus);
        return null;
    }

    private async Task<bool> ExistsAsync(string service, CancellationToken cancellation) =>
        Names.IsSubdomain(service) && await local.GetAsync<FabricService>(service, cancellation) is not null;

    private static Status? CheckChange(AdmissionRequest request, FabricInstance instance, FabricInstance old)
    {
        List<Fault> faults = [];
        if (instance.Spec.Service != old.Spec.Service) faults.Add(new Fault("spec.service", instance.Spec.Service, $"can't change: it is {old.Spec.Service}"));
        if (instance.Spec.Number != old.Spec.Number)
            faults.Add(new Fault("spec.number", instance.Spec.Number.ToString(CultureInfo.InvariantCulture), $"can't change: it is {old.Spec.Number}"));
        return faults.Count > 0 ? request.Invalid(faults) : null;
    }
}
