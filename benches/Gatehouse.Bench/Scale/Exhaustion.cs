using System.Globalization;
using Gatehouse.Addressing;
using Gatehouse.Api.Client;
using Gatehouse.Api.Identity;
using Gatehouse.Objects;
using Gatehouse.Objects.Kinds;

namespace Gatehouse.Bench.Scale;

/// <summary>The whole space is leased: who has what, and what the next one hears.</summary>
internal static class Exhaustion
{
    private static readonly TimeSpan Patience = TimeSpan.FromSeconds(60);

    /// <summary>Leases what the simulated workers left, for workers of a cluster that only has a name.</summary>
    public static async Task FillAsync(Operator root, int count, CancellationToken cancellation) => await Parallel.ForEachAsync(
        Enumerable.Range(0, count),
        new ParallelOptions { MaxDegreeOfParallelism = 64, CancellationToken = cancellation },
        async (i, token) =>
        {
            var worker = string.Create(CultureInfo.InvariantCulture, $"w{i:d5}");
            var wanted = new Subnetwork { Metadata = new ObjectMeta { Name = Subnetwork.NameFor("others", worker) }, Spec = new SubnetworkSpec { Cluster = "others", Worker = worker } };
            await root.Objects.CreateAsync(wanted, token);
        });

    /// <summary>How many different subnetworks root says are leased; throws when one is leased twice or is none of the space.</summary>
    public static async Task<HashSet<int>> LeasedAsync(Operator root, CancellationToken cancellation)
    {
        var all = await root.Objects.ListAsync<Subnetwork>(Selection.All, cancellation);
        var (indexes, ranges) = (new HashSet<int>(), new HashSet<string>(StringComparer.Ordinal));
        foreach (var subnetwork in all.Items.Where(s => s.Status is { Phase: AddressPhase.Leased }))
        {
            var range = subnetwork.Status!.Range!;
            if (range.Index < 0 || range.Index >= Subnetworks.Count) throw new InvalidOperationException($"{subnetwork.Metadata.Name} leases {range.Index}, which is none");
            if (!indexes.Add(range.Index) || !ranges.Add(range.Ipv4) || !ranges.Add(range.Ipv6))
                throw new InvalidOperationException($"{subnetwork.Metadata.Name} leases {range.Ipv4}, which is leased already");
        }

        return indexes;
    }

    /// <summary>One worker more, with the roles' own client. It is registered, gets no subnetwork, and is told why.</summary>
    /// <returns>What it is told.</returns>
    public static async Task<string> AddOneMoreAsync(Manager cluster, string directory, CancellationToken cancellation)
    {
        const string Name = "one-more";
        using var limit = CancellationTokenSource.CreateLinkedTokenSource(cancellation);
        limit.CancelAfter(Patience);
        var identity = await MemberCredentials.JoinOrLoadAsync(
            new JoinOptions
            {
                Server = cluster.Operator.Server,
                Directory = Path.Combine(directory, Name),
                Role = EnrollmentProtocol.WorkerRole,
                Name = Name,
                Token = await cluster.Operator.TokenAsync(EnrollmentProtocol.WorkerRole, limit.Token),
            },
            limit.Token);
        using var objects = new HttpObjectClient(new HttpObjectClientOptions { Server = cluster.Operator.Server, Credentials = identity });
        var made = await objects.CreateAsync(new Worker { Metadata = new ObjectMeta { Name = Name }, Spec = new WorkerSpec { Underlay = "198.51.100.1" } }, limit.Token);
        await foreach (var change in objects.WatchAsync<Worker>(new Selection(Fields: $"metadata.name={Name}"), made.Metadata.ResourceVersion!, limit.Token))
        {
            if (change.Object?.Status is not { } status) continue;
            if (status.Subnetwork is { } range) throw new InvalidOperationException($"one worker more than there are subnetworks was given {range.Ipv4}");
            if (status.Message is { } message) return message;
        }

        throw new InvalidOperationException("the watch of one worker more ended before it was told anything");
    }
}
