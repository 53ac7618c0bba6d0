using System.Net;
using Gatehouse.Api.Client;
using Gatehouse.Api.Server;
using Gatehouse.Objects;
using Gatehouse.Objects.Kinds;

namespace Gatehouse.Root.ServiceAddresses;

/// <summary>Gives a service one address pair for each policy, in the write that declares it. A wish is granted, or refused with every reason.</summary>
internal sealed class ServiceAdmission(AddressBook book, AddressDecisions decisions, AddressLedger ledger, IObjectClient local) : IAdmission
{
    /// <inheritdoc/>
    public IReadOnlyCollection<KindInfo> Kinds { get; } = [FabricService.Info];

    /// <inheritdoc/>
    public async ValueTask<Status?> AdmitAsync(AdmissionRequest request, CancellationToken cancellation)
    {
        if (request.Read<FabricService>() is not { } service) return null;
        switch (request.Verb)
        {
            case AdmissionVerb.Create:
                return await DeclareAsync(request, service, new FabricServiceStatus(), cancellation);
            case AdmissionVerb.Update:
                return await DeclareAsync(request, service, request.ReadOld<FabricService>()!.Status ?? new FabricServiceStatus(), cancellation);
            case AdmissionVerb.UpdateStatus:
                var addresses = request.ReadOld<FabricService>()!.Status?.Addresses ?? [];
                request.SetStatus((service.Status ?? new FabricServiceStatus()) with { Addresses = addresses }, ObjectsJson.Default.FabricServiceStatus);
                return null;
            default:
                if (await UsersAsync(service, cancellation) is { } users) return request.Conflict(users);
                await ledger.EnsureWrittenAsync(Owner(request), ClaimsOf(request.Key.Name), cancellation);
                return null;
        }
    }

    /// <inheritdoc/>
    public void Abandon(AdmissionRequest request) => decisions.Abandon(request, Owner(request));

    /// <summary>A service is stored so now, or gone.</summary>
    public void Settle(string name, FabricService? stored) =>
        decisions.Settle($"service/{name}", AddressesOf(stored), ClaimsOf(name));

    /// <summary>The addresses in a service's status.</summary>
    public static IReadOnlySet<IPAddress> AddressesOf(FabricService? service) =>
        (service?.Status?.Addresses ?? []).SelectMany(a => new[] { a.Ipv4, a.Ipv6 }).OfType<string>().Select(IPAddress.Parse).ToHashSet();

    /// <summary>Everything that a service of this name can hold.</summary>
    public static IEnumerable<Claim> ClaimsOf(string name) => Enum.GetValues<BalancingPolicy>().Select(p => Claim.OfService(name, p));

    /// <summary>
    /// What still needs the service's addresses; null when nothing does. Gone with the service they would be given to another one after the quarantine, and whatever leads to
    /// them would lead there. From the store, not from the feed: who has just undeployed the last instance may delete.
    /// </summary>
    private async Task<string?> UsersAsync(FabricService service, CancellationToken cancellation)
    {
        var name = service.Metadata.Name;
        var instances = (await local.ListAsync<FabricInstance>(new Selection(Fields: $"spec.service={name}"), cancellation)).Items.Where(i => !i.Spec.Undeploy && i.Metadata.DeletionTimestamp is null);
        var addresses = AddressesOf(service);
        var exposures = (await local.ListAsync<Exposure>(Selection.All, cancellation)).Items
            .Where(e => !e.Spec.Withdraw && e.Metadata.DeletionTimestamp is null && IPAddress.TryParse(e.Spec.ServiceAddress, out var address) && addresses.Contains(address));
        string[] users = [.. Named("instances", instances), .. Named("exposures", exposures)];
        return users.Length == 0 ? null : $"is still used: {string.Join("; ", users)}; undeploy its instances (gatehouse undeploy {name}) and delete its exposures first";
    }

    private static IEnumerable<string> Named(string what, IEnumerable<ApiObject> users)
    {
        const int MaxNamed = 10;
        string[] names = [.. users.Select(u => u.Metadata.Name).Order(StringComparer.Ordinal)];
        return names.Length == 0 ? [] : [$"{what} {string.Join(", ", names.Take(MaxNamed))}{(names.Length > MaxNamed ? $" and {names.Length - MaxNamed} more" : "")}"];
    }

    private static string Owner(AdmissionRequest request) => $"service/{request.Key.Name}";

    private async ValueTask<Status?> DeclareAsync(AdmissionRequest request, FabricService service, FabricServiceStatus before, CancellationToken cancellation)
    {
        var policies = service.Spec.Policies.Concat(service.Spec.Chosen.Select(c => c.Policy)).Distinct().ToList();
        if (ServiceRules.Check(service) is { Count: > 0 } faults) return request.Invalid(faults);
        if (await decisions.BeginAsync(request, Owner(request), cancellation) is not { } decision) return request.Conflict("another request for it is under way");
        if (Grant(service, policies, decision) is { } refusal)
        {
            decisions.Abandon(request, Owner(request));
            return refusal(request);
        }

        decision.Complete();
        var granted = decision.Grants.Zip(policies, (g, p) => new ServiceAddress(p, g.Pair.Ipv4, g.Pair.Ipv6)).ToList();
        request.SetStatus(before with { Addresses = granted, Message = null }, ObjectsJson.Default.FabricServiceStatus);
        // Nothing will be written that the store does not hold: nothing would confirm the decision.
        if (request.Old is not null && before.Addresses.SequenceEqual(granted)) decisions.Abandon(request, Owner(request));
        return null;
    }

    private Func<AdmissionRequest, Status>? Grant(FabricService service, List<BalancingPolicy> policies, AddressDecisions.Decision decision)
    {
        List<Fault> faults = [];
        string? exhausted = null;
        foreach (var policy in policies)
        {
            var index = service.Spec.Chosen.Select((c, i) => (c, i)).Where(x => x.c.Policy == policy).Select(x => (int?)x.i).FirstOrDefault();
            var wish = index is { } at ? service.Spec.Chosen[at] : null;
            var outcome = book.Allocate(Claim.OfService(service.Metadata.Name, policy), wish?.Ipv4, wish?.Ipv6, $"spec.chosen[{index}]");
            if (outcome.Grant is { } grant) decision.Grants.Add(grant);
            faults.AddRange(outcome.Faults);
            exhausted ??= outcome.Exhausted;
        }

        if (faults.Count > 0) return request => request.Invalid(faults);
        return exhausted is null ? null : request => request.Unavailable(exhausted);
    }
}

/// <summary>What a service must be like beyond its fields' forms. Pure.</summary>
internal static class ServiceRules
{
    /// <summary>All faults.</summary>
    public static IReadOnlyList<Fault> Check(FabricService service)
    {
        List<Fault> faults = [];
        var (policies, chosen) = (service.Spec.Policies, service.Spec.Chosen);
        if (policies.Count == 0 && chosen.Count == 0) faults.Add(new Fault("spec.policies", "", "must name at least one policy"));
        for (var i = 0; i < policies.Count; i++)
        {
            if (policies.Take(i).Contains(policies[i])) faults.Add(new Fault($"spec.policies[{i}]", policies[i].ToString(), "is there twice"));
        }

        for (var i = 0; i < chosen.Count; i++)
        {
            if (chosen.Take(i).Any(c => c.Policy == chosen[i].Policy)) faults.Add(new Fault($"spec.chosen[{i}].policy", chosen[i].Policy.ToString(), "is there twice"));
        }

        return faults;
    }
}
