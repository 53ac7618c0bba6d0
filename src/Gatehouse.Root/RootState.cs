using System.Collections.Concurrent;
using System.Net;
using Gatehouse.Addressing;
using Gatehouse.Api.Client;
using Gatehouse.Api.Reconciling;
using Gatehouse.Api.Resolving;
using Gatehouse.Api.Server;
using Gatehouse.Objects.Kinds;
using Gatehouse.Objects.Resolving;
using Gatehouse.Root.Clusters;
using Gatehouse.Root.Peers;
using Gatehouse.Root.ServiceAddresses;
using Gatehouse.Root.Subnetworks;
using Microsoft.Extensions.Logging;

namespace Gatehouse.Root;

/// <summary>Root's tables and admissions.</summary>
internal sealed class RootState
{
    public RootState(RootOptions options, TimeProvider time, RootFeeds feeds, IObjectClient local, ILogger logger, Action<IPAddress> touchedAddress)
    {
        (Time, Logger) = (time, logger);
        Subnetworks = new SubnetworkTable(options, time);
        SubnetworkAdmission = new SubnetworkAdmission(Subnetworks, time);
        Book = new AddressBook(options, time);
        Ledger = new AddressLedger(Book, options);
        var decisions = new AddressDecisions(Book, touchedAddress, time);
        ServiceAdmission = new ServiceAdmission(Book, decisions, Ledger, local);
        InstanceAdmission = new InstanceAdmission(Book, decisions, Ledger, name => feeds.Services.Find(name), local);
        var clock = new VersionClock(time);
        Table = new ResolutionTable(clock);
        Interests = new InterestDesk(
            new InterestDeskOptions
            {
                Name = "root.interests",
                Lease = options.InterestLease,
                PerHolder = options.InterestsPerCluster,
                Served = (SemanticRange.IsServed, SemanticRange.ServedText),
                Time = time,
                Logger = logger,
            },
            Table,
            clock,
            static query => new Resolution { Outcome = ResolutionOutcome.Unknown, Message = $"root knows no service with name or address {query}" });
        Reach = new PeerReach(Table, Interests);
        Admissions =
        [
            new OwnershipAdmission(),
            SubnetworkAdmission,
            ServiceAdmission,
            InstanceAdmission,
            new AddressLeaseAdmission(Book),
            new PeerAdmission(name => feeds.Subnetworks.Find(name), InstanceOwners, Reach),
            Interests,
        ];
    }

    public TimeProvider Time { get; }

    public ILogger Logger { get; }

    public SubnetworkTable Subnetworks { get; }

    public SubnetworkAdmission SubnetworkAdmission { get; }

    public AddressBook Book { get; }

    public AddressLedger Ledger { get; }

    public ServiceAdmission ServiceAdmission { get; }

    public InstanceAdmission InstanceAdmission { get; }

    public ResolutionTable Table { get; }

    public InterestDesk Interests { get; }

    public InstanceOwners InstanceOwners { get; } = new();

    public PeerReach Reach { get; }

    public IReadOnlyList<IAdmission> Admissions { get; }

    /// <summary>Whether the pools are rebuilt: before that, nothing is given back because its owner was not seen yet.</summary>
    public bool IsLoaded { get; set; }
}

/// <summary>Root's objects in memory.</summary>
internal sealed class RootFeeds
{
    private readonly ConcurrentDictionary<string, string> _jobs = new(StringComparer.Ordinal);

    public ObjectFeed<Cluster> Clusters { get; private set; } = null!;

    public ObjectFeed<Lease> Leases { get; private set; } = null!;

    public ObjectFeed<Subnetwork> Subnetworks { get; private set; } = null!;

    public ObjectFeed<AddressLease> Addresses { get; private set; } = null!;

    public ObjectFeed<FabricService> Services { get; private set; } = null!;

    public ObjectFeed<FabricInstance> Instances { get; private set; } = null!;

    public ObjectFeed<Peer> Peers { get; private set; } = null!;

    /// <summary>The service with an Oakestra job identifier; null when none is known.</summary>
    public FabricService? ServiceOfJob(string id) => _jobs.TryGetValue(id, out var name) ? Services.Find(name) : null;

    /// <summary>The loops that follow the store.</summary>
    public IEnumerable<Func<CancellationToken, Task>> Loops =>
        [Clusters.RunAsync, Leases.RunAsync, Subnetworks.RunAsync, Addresses.RunAsync, Services.RunAsync, Instances.RunAsync, Peers.RunAsync];

    public void Attach(
        IObjectClient local,
        TimeProvider time,
        Action<ObjectEvent<Cluster>> onCluster,
        Action<ObjectEvent<Lease>> onLease,
        Action<ObjectEvent<Subnetwork>> onSubnetwork,
        Action<ObjectEvent<AddressLease>> onAddress,
        Action<ObjectEvent<FabricService>> onService,
        Action<ObjectEvent<FabricInstance>> onInstance,
        Action<ObjectEvent<Peer>> onPeer)
    {
        Clusters = new ObjectFeed<Cluster>(local, time, onCluster);
        Leases = new ObjectFeed<Lease>(local, time, onLease);
        Subnetworks = new ObjectFeed<Subnetwork>(local, time, onSubnetwork);
        Addresses = new ObjectFeed<AddressLease>(local, time, onAddress);
        Services = new ObjectFeed<FabricService>(local, time, change =>
        {
            var service = change.Object!;
            var id = service.Spec.JobId ?? service.Metadata.Name;
            if (change.Type == ObjectEventType.Deleted) _jobs.TryRemove(new KeyValuePair<string, string>(id, service.Metadata.Name));
            else _jobs[id] = service.Metadata.Name;
            onService(change);
        });
        Instances = new ObjectFeed<FabricInstance>(local, time, onInstance);
        Peers = new ObjectFeed<Peer>(local, time, onPeer);
    }

    public async Task LoadAsync(CancellationToken cancellation)
    {
        await Clusters.LoadAsync(cancellation);
        await Leases.LoadAsync(cancellation);
        await Subnetworks.LoadAsync(cancellation);
        await Addresses.LoadAsync(cancellation);
        await Services.LoadAsync(cancellation);
        await Instances.LoadAsync(cancellation);
        await Peers.LoadAsync(cancellation);
    }
}
