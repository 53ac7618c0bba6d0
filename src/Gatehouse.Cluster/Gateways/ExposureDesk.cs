using System.Security.Cryptography;
using Gatehouse.Api.Client;
using Gatehouse.Api.Gateways;
using Gatehouse.Objects;
using Gatehouse.Objects.Kinds;
using Microsoft.Extensions.Logging;

namespace Gatehouse.Cluster.Gateways;

/// <summary>
/// Adds and withdraws exposures for management APIs. One at a time, against the table that each new one enters at once: of two that want a port, the second is
/// told who has it.
/// </summary>
internal sealed partial class ExposureDesk(GatewayOptions options, IObjectClient local, GatewayReconciler reconciler, ILogger<ExposureDesk> log) : IDisposable
{
    private readonly SemaphoreSlim _one = new(1);

    /// <summary>Makes an exposure on a gateway host.</summary>
    /// <returns>The object as stored, or 409 with who has the port, or 422 with every fault.</returns>
    public async Task<Outcome<Exposure>> AddAsync(GatewayHost host, ExposureSpec spec, CancellationToken cancellation)
    {
        var wanted = new Exposure
        {
            ApiVersion = Exposure.Info.ApiVersion,
            Kind = Exposure.Info.Kind,
            Metadata = new ObjectMeta { Name = NameFor(host, spec) },
            Spec = spec with { Gateway = host.Metadata.Name, Cluster = options.Cluster, Withdraw = false },
        };
        if (!reconciler.IsComplete)
            return Outcome<Exposure>.Refused(Statuses.Refused(503, StatusReason.ServiceUnavailable, "the cluster has just started and still reads its exposures; try again"));
        List<Fault> faults = [.. Exposure.Info.Check(wanted), .. AddressFaults(host, spec)];
        var worker = host.Status?.Worker is { } name ? await local.GetAsync<Worker>(name, cancellation) : null;
        if (ExposurePlan.PortRefusal(wanted.Spec, faults.Count == 0 ? host : null, worker?.Spec.TunnelPort ?? 0, options.Reserved) is { } why)
            faults.Add(new Fault("spec.port", $"{spec.Port}", why));
        if (Statuses.Invalid(Exposure.Info, wanted.Metadata.Name, faults) is { } invalid) return Outcome<Exposure>.Refused(invalid);

        await _one.WaitAsync(cancellation);
        try
        {
            if (reconciler.Exposures.Holder(wanted) is { } holder)
                return Outcome<Exposure>.Refused(Statuses.Refused(409, StatusReason.Conflict, $"{ExposureRules.PortName(spec.Protocol, spec.Port)} {ExposurePlan.HeldBy(holder)}"));
            var stored = await local.CreateAsync(wanted, cancellation);
            reconciler.Note(stored);
            LogAdded(stored.Metadata.Name);
            return Outcome<Exposure>.Done(stored);
        }
        finally
        {
            _one.Release();
        }
    }

    /// <summary>Withdraws every exposure of a gateway host that matches.</summary>
    public async Task<Outcome<WithdrawAnswer>> WithdrawAsync(GatewayHost host, WithdrawRequest request, CancellationToken cancellation)
    {
        var matches = reconciler.Exposures.OfGateway(host.Metadata.Name)
            .Where(e => !ExposurePlan.IsWithdrawn(e) && Matches(e.Spec, request)).ToList();
        var name = ExposureRules.PortName(request.Protocol, request.Port);
        if (matches.Count == 0)
            return Outcome<WithdrawAnswer>.Refused(Statuses.Refused(404, StatusReason.NotFound, $"gateway {host.Metadata.Name} exposes nothing{Where(request)} at {name}"));
        foreach (var exposure in matches)
        {
            // A copy of root's would come back: it is marked, drained, and then removed at root as well.
            if (Origin.IsRoot(exposure.Metadata)) await local.MergePatchAsync<Exposure>(exposure.Key, """{"spec":{"withdraw":true}}""", null, cancellation);
            else await local.DeleteAsync<Exposure>(exposure.Key, new DeletePreconditions(exposure.Metadata.Uid), cancellation);
            LogWithdrawn(exposure.Metadata.Name, request.RequestedBy);
        }

        return Outcome<WithdrawAnswer>.Done(new WithdrawAnswer(matches));
    }

    /// <inheritdoc/>
    public void Dispose() => _one.Dispose();

    private static bool Matches(ExposureSpec spec, WithdrawRequest request) =>
        spec.Protocol == request.Protocol && spec.Port == request.Port
        && (request.PublicAddress is null || (spec.PublicAddress is { } a && ExposureRules.Normalise(a) == ExposureRules.Normalise(request.PublicAddress)))
        && (request.ServiceAddress is null || ExposureRules.Normalise(spec.ServiceAddress) == ExposureRules.Normalise(request.ServiceAddress))
        && (request.ServicePort is null || spec.ServicePort == request.ServicePort);

    private static string Where(WithdrawRequest request) =>
        (request.PublicAddress is { } a ? $" pinned to {a}" : "") + ((request.ServiceAddress, request.ServicePort) switch
        {
            ({ } address, { } port) => $" of {ExposurePlan.TargetOf(address, port)}",
            ({ } address, null) => $" of {address}",
            (null, { } port) => $" of a service's port {port}",
            _ => "",
        });

    private static IEnumerable<Fault> AddressFaults(GatewayHost host, ExposureSpec spec)
    {
        if (spec.PublicAddress is { } wanted && !host.Spec.PublicAddresses.Any(a => ExposureRules.Normalise(a) == ExposureRules.Normalise(wanted)))
            yield return new Fault("spec.publicAddress", wanted, $"must be one of gateway {host.Metadata.Name}'s: {string.Join(", ", host.Spec.PublicAddresses)}");
    }

    // A port that drains may be given again at once, so the port alone makes no unique name.
    private static string NameFor(GatewayHost host, ExposureSpec spec) =>
        $"{host.Metadata.Name}.{(spec.Protocol == Protocol.Udp ? "udp" : "tcp")}-{spec.Port}.{RandomNumberGenerator.GetHexString(6, lowercase: true)}";

    [LoggerMessage(Level = LogLevel.Information, Message = "Exposure {Exposure} was added through the management API.")]
    private partial void LogAdded(string exposure);

    [LoggerMessage(Level = LogLevel.Information, Message = "Exposure {Exposure} was withdrawn through the management API by {User}.")]
    private partial void LogWithdrawn(string exposure, string? user);
}
