using System.Security.Cryptography;
using System.Security.Cryptography.X509Certificates;
using Gatehouse.Api.Client;
using Gatehouse.Api.Gateways;
using Gatehouse.Api.Identity;
using Gatehouse.Objects;
using Gatehouse.Objects.Kinds;

namespace Gatehouse.Cluster.Gateways;

/// <summary>What a gateway role does at its cluster: it registers, reports, and gets a certificate for its management API. Any thread.</summary>
internal sealed class GatewayRegistry(GatewayOptions options, IObjectClient local)
{
    private const int MaxListeners = 4_096;
    private const int WriteTries = 8;

    /// <summary>The gateway host with an identifier, or null.</summary>
    public async Task<GatewayHost?> FindAsync(string id, CancellationToken cancellation) =>
        (await local.ListAsync<GatewayHost>(Selection.All, cancellation)).Items.FirstOrDefault(h => h.Status?.GatewayId == id && h.Spec.Cluster == options.Cluster);

    /// <summary>A worker's gateway role came up. Repeating it changes nothing.</summary>
    public async Task<Outcome<RegisterAnswer>> RegisterAsync(string worker, CancellationToken cancellation)
    {
        for (var attempt = 1; ; attempt++)
        {
            var hosts = (await local.ListAsync<GatewayHost>(Selection.All, cancellation)).Items;
            if (hosts.FirstOrDefault(h => h.Status?.Worker == worker && h.Spec.Cluster == options.Cluster) is not { Status: { GatewayId: { } id } status } host)
                return Outcome<RegisterAnswer>.Refused(Statuses.Refused(404, StatusReason.NotFound, $"no gateway is scheduled on worker {worker}"));
            var answer = Outcome<RegisterAnswer>.Done(new RegisterAnswer(id, host.Metadata.Name));
            if (status.Phase is not GatewayHostPhase.Scheduled || await TryPutAsync(host, At(status, GatewayHostPhase.Registered), attempt, cancellation)) return answer;
        }
    }

    /// <summary>A gateway role reports its host's listeners, and with <paramref name="ready"/> that it forwards.</summary>
    /// <returns>Null, or the refusal.</returns>
    public async Task<Status?> ReportAsync(GatewayHost host, GatewayReport report, bool ready, CancellationToken cancellation)
    {
        if (Faults(report) is { Count: > 0 } faults) return Statuses.Invalid("the report", null, faults);
        var worker = host.Status!.Worker;
        for (var attempt = 1; ; attempt++)
        {
            if (await local.GetAsync<GatewayHost>(host.Key, cancellation) is not { Status: { } status } current || status.Worker != worker)
                return Statuses.Refused(409, StatusReason.Conflict, $"gateway {host.Metadata.Name} went to another worker meanwhile");
            var next = status with { Listeners = report.Listeners ?? status.Listeners };
            if (ready && status.Phase is GatewayHostPhase.Scheduled or GatewayHostPhase.Registered) next = At(next, GatewayHostPhase.Ready);
            if (GatewayState.Same(next, status) || await TryPutAsync(current, next, attempt, cancellation)) return null;
        }
    }

    /// <summary>A server certificate for the management API: its names are the gateway's internal addresses and its name.</summary>
    public Outcome<CertificateAnswer> IssueCertificate(GatewayHost host, string? csr)
    {
        if (options.Authority() is not { } authority)
            return Outcome<CertificateAnswer>.Refused(Statuses.Refused(503, StatusReason.ServiceUnavailable, "this cluster signs no certificates yet: it has not joined root"));
        if (host.Status?.Internal is not { } addresses)
            return Outcome<CertificateAnswer>.Refused(Statuses.Refused(503, StatusReason.ServiceUnavailable, "the gateway's worker has no subnetwork yet"));
        try
        {
            // The request's signature is checked on loading: the caller has the key.
            var request = CertificateRequest.LoadSigningRequestPem(csr ?? "", HashAlgorithmName.SHA256);
            string[] names = [.. new[] { host.Metadata.Name, addresses.Ipv4, addresses.Ipv6 }.OfType<string>()];
            using var certificate = authority.IssueServer(request.PublicKey, names, options.CertificateLife);
            return Outcome<CertificateAnswer>.Done(new CertificateAnswer(certificate.ExportCertificatePem(), authority.ChainPem, authority.RootPem));
        }
        catch (Exception e) when (e is CryptographicException or ArgumentException)
        {
            return Outcome<CertificateAnswer>.Refused(Statuses.Invalid("the certificate request", null, [new Fault("csr", "", $"must be a PKCS#10 request as PEM: {e.Message}")]));
        }
    }

    private static GatewayHostStatus At(GatewayHostStatus status, GatewayHostPhase phase) =>
        status with { Phase = phase, Message = GatewayPlan.PhaseMessage(phase, status.Worker!) };

    private static List<Fault> Faults(GatewayReport report)
    {
        var faults = new List<Fault>();
        if (report.Listeners is not { } listeners) return faults;
        if (listeners.Count > MaxListeners) faults.Add(new Fault("listeners", $"{listeners.Count} entries", $"must be at most {MaxListeners}"));
        foreach (var (listener, i) in listeners.Take(MaxListeners).Select((l, i) => (l, i)))
        {
            if (listener.Port is < 1 or > 65_535) faults.Add(new Fault($"listeners[{i}].port", $"{listener.Port}", "must be between 1 and 65535"));
            if (listener.Address is { } address && !System.Net.IPAddress.TryParse(address, out _)) faults.Add(new Fault($"listeners[{i}].address", address, "must be an IPv4 or IPv6 address"));
        }

        return faults;
    }

    private async Task<bool> TryPutAsync(GatewayHost host, GatewayHostStatus status, int attempt, CancellationToken cancellation)
    {
        try
        {
            await local.UpdateStatusAsync(host with { Status = status }, cancellation);
            return true;
        }
        catch (ApiStatusException e) when (e.Is(StatusReason.Conflict) && attempt < WriteTries)
        {
            return false;
        }
    }
}
