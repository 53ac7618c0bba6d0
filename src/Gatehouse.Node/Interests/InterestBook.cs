using System.Net;
using System.Text.Json.Nodes;
using Gatehouse.Api.Client;
using Gatehouse.Node.Translation;
using Gatehouse.Objects;
using Gatehouse.Objects.Kinds;
using Microsoft.Extensions.Logging;

namespace Gatehouse.Node.Interests;

/// <summary>How a question to the cluster ended.</summary>
internal enum ResolveOutcome
{
    /// <summary>The kernel translates the address now, or refuses it for want of an instance.</summary>
    Installed,

    /// <summary>There is no such address.</summary>
    Unknown,

    /// <summary>The address belongs to an instance that is not there at the moment; the question stands.</summary>
    Absent,

    /// <summary>Nobody answered in time; the question stands, and its answer will be taken in.</summary>
    Unanswered,
}

/// <summary>
/// What this worker has asked the cluster for. A question is an <see cref="Interest"/> object; its answer comes with the object, at once or later by the watch, and every
/// change of it as well.
/// </summary>
/// <remarks>Safe for any thread.</remarks>
internal sealed class InterestBook(IObjectClient cluster, ServiceBook services, NodeOptions options, TimeProvider time, ILogger log)
{
    private readonly QuestionQueue _questions = new(cluster, options.Limits.Questions);
    private readonly Lock _gate = new();
    private readonly Dictionary<string, Held> _held = new(StringComparer.Ordinal);

    /// <summary>The cluster's clock less this host's, as of the last question; null before the first.</summary>
    public TimeSpan? ClockOffset { get; private set; }

    /// <summary>Interests that are held.</summary>
    public int Count
    {
        get
        {
            lock (_gate) return _held.Count;
        }
    }

    /// <summary>All interests, by the name of their object.</summary>
    public IReadOnlyList<HeldInterest> All
    {
        get
        {
            lock (_gate) return [.. _held.Values.Select(h => new HeldInterest(h.Name, h.Query, h.Service, h.LastUsed))];
        }
    }

    /// <summary>Asks for an address, and waits until the kernel translates it.</summary>
    public async Task<ResolveOutcome> ResolveAsync(IPAddress address, CancellationToken cancellation)
    {
        // The rest of a datagram whose first fragments were put back already, or another address of a service that was resolved meanwhile.
        if (services.AppliedOrNull(address) is { } applied)
        {
            await applied;
            return ResolveOutcome.Installed;
        }

        var name = Interest.NameFor(options.Name, address.ToString());
        var held = Hold(name, address.ToString());
        using var patience = new CancellationTokenSource(options.Limits.Resolve, time);
        using var deadline = CancellationTokenSource.CreateLinkedTokenSource(cancellation, patience.Token);
        try
        {
            var answer = await AskAsync(held, deadline.Token);
            while (answer is null or { Outcome: ResolutionOutcome.Pending }) answer = await held.NextAsync(deadline.Token);
            if (answer.Outcome == ResolutionOutcome.Unknown)
            {
                // The question stands for a while: should the service come to be a moment later, the cluster says so at once.
                if (!TryKeepUnknown(held)) await ForgetAsync(name);
                return ResolveOutcome.Unknown;
            }

            await services.PutAsync(name, answer);
            return services.AppliedOrNull(address) is null ? ResolveOutcome.Absent : ResolveOutcome.Installed;
        }
        catch (OperationCanceledException) when (!cancellation.IsCancellationRequested)
        {
            return ResolveOutcome.Unanswered;
        }
        catch (ApiUnreachableException fault)
        {
            // Nothing was asked: the next packet asks.
            lock (_gate) _held.Remove(name);
            log.ClusterUnreachable($"resolving {address}", fault.Message);
            return ResolveOutcome.Unanswered;
        }
        catch (ApiStatusException fault)
        {
            log.ClusterRefused($"resolving {address}", fault.Message);
            return ResolveOutcome.Unanswered;
        }
    }

    /// <summary>Takes in what was on disk, before the network is asked for anything.</summary>
    public async Task LoadAsync(IEnumerable<Interest> known)
    {
        var answers = new List<(string, Resolution)>();
        foreach (var interest in known)
        {
            var held = Hold(interest.Metadata.Name, interest.Spec.Query);
            (held.Uid, held.Service) = (interest.Metadata.Uid, interest.Status?.Service);
            if (interest.Status is { Outcome: ResolutionOutcome.Found } answer) answers.Add((interest.Metadata.Name, answer));
        }

        await services.LoadAsync(answers);
    }

    /// <summary>Takes in a change that the watch brought.</summary>
    public async Task TakeAsync(ObjectEvent<Interest> change)
    {
        if (change.Object is not { } interest) return;
        var name = interest.Metadata.Name;
        if (change.Type == ObjectEventType.Deleted)
        {
            await LostAsync(interest);
            return;
        }

        // What changed after it was given up here, a renewal for example, must not bring it back: its end is on the way.
        var held = change.Type == ObjectEventType.Modified ? Find(name) : Hold(name, interest.Spec.Query);
        if (held is null) return;
        held.Uid = interest.Metadata.Uid;
        if (interest.Status is not { } answer) return;
        held.Answer(answer);
        switch (answer.Outcome)
        {
            case ResolutionOutcome.Found:
                held.Service = answer.Service;
                await services.PutAsync(name, answer);
                break;
            case ResolutionOutcome.Unknown when held.Service is not null:
                // The service is gone. Asked again when somebody calls it.
                await ForgetAsync(name);
                break;
            case ResolutionOutcome.Unknown:
                held.IsUnknown = true;
                break;
        }
    }

    /// <summary>Notes which services flows use, gives up what nobody used for long, and renews the rest before the cluster forgets it.</summary>
    public async Task SurveyAsync(IReadOnlySet<string> usedServices, CancellationToken cancellation)
    {
        var now = time.GetUtcNow();
        Held[] idle, due;
        lock (_gate)
        {
            foreach (var held in _held.Values.Where(h => h.Service is { } s && usedServices.Contains(s))) held.LastUsed = now;
            idle = [.. _held.Values.Where(h => now - h.LastUsed > (h.IsUnknown ? options.Limits.Refusal : options.Limits.InterestIdle))];
            due = [.. _held.Values.Except(idle).Where(h => now - h.RenewedAt > options.Limits.InterestRenewal)];
        }

        foreach (var held in idle) await ForgetAsync(held.Name);
        foreach (var held in due) await RenewAsync(held, now, cancellation);
    }

    /// <summary>Gives an interest up: out of the maps, and the object at the cluster.</summary>
    public async Task ForgetAsync(string name)
    {
        lock (_gate) _held.Remove(name);
        await services.DropAsync(name);
        await cluster.DeleteAsync<Interest>(name, null, CancellationToken.None);
    }

    /// <summary>Creates the object, whose answer carries the resolution when the cluster knows it.</summary>
    private async Task<Resolution?> AskAsync(Held held, CancellationToken cancellation)
    {
        try
        {
            var created = await _questions.CreateAsync(
                new Interest
                {
                    ApiVersion = Interest.Info.ApiVersion,
                    Kind = Interest.Info.Kind,
                    Metadata = new() { Name = held.Name },
                    Spec = new() { Holder = options.Name, Query = held.Query, RenewedAt = time.GetUtcNow() },
                },
                cancellation);
            ClockOffset = created.Metadata.CreationTimestamp - time.GetUtcNow();
            return Note(held, created);
        }
        catch (ApiStatusException fault) when (fault.Is(StatusReason.AlreadyExists))
        {
            return await cluster.GetAsync<Interest>(held.Name, cancellation) is { } there ? Note(held, there) : null;
        }
    }

    /// <summary>Whether an unanswered question may stand; as many as <see cref="NodeLimits.UnknownInterests"/> do, so that a scan of addresses doesn't use up what the cluster grants.</summary>
    private bool TryKeepUnknown(Held held)
    {
        lock (_gate)
        {
            if (_held.Values.Count(h => h.IsUnknown) >= options.Limits.UnknownInterests) return false;
            (held.IsUnknown, held.LastUsed) = (true, time.GetUtcNow());
            return true;
        }
    }

    private static Resolution? Note(Held held, Interest interest)
    {
        held.Uid = interest.Metadata.Uid;
        held.Service = interest.Status?.Service ?? held.Service;
        return interest.Status;
    }

    private async Task RenewAsync(Held held, DateTimeOffset now, CancellationToken cancellation)
    {
        try
        {
            var renewal = new JsonObject { ["spec"] = new JsonObject { ["renewedAt"] = now } };
            await cluster.MergePatchAsync<Interest>(held.Name, renewal.ToJsonString(), null, cancellation);
            held.RenewedAt = now;
        }
        catch (ApiStatusException fault) when (fault.Is(StatusReason.NotFound))
        {
            // Its end comes by the watch.
        }
    }

    /// <summary>The server ended the lease, for example while this worker could not be heard. What flows use is asked for again; the maps stay meanwhile.</summary>
    private async Task LostAsync(Interest gone)
    {
        // The end of an earlier object of this name says nothing of the question that was asked since.
        var name = gone.Metadata.Name;
        if (Find(name) is not { } held || held.Uid != gone.Metadata.Uid) return;
        if (time.GetUtcNow() - held.LastUsed > options.Limits.InterestIdle)
        {
            lock (_gate) _held.Remove(name);
            await services.DropAsync(name);
            return;
        }

        await AskAsync(held, CancellationToken.None);
    }

    private Held? Find(string name)
    {
        lock (_gate) return _held.GetValueOrDefault(name);
    }

    private Held Hold(string name, string query)
    {
        lock (_gate)
        {
            if (!_held.TryGetValue(name, out var held)) _held[name] = held = new(name, query, time.GetUtcNow());
            return held;
        }
    }

    private sealed class Held(string name, string query, DateTimeOffset now)
    {
        private TaskCompletionSource<Resolution> _next = new(TaskCreationOptions.RunContinuationsAsynchronously);

        public string Name { get; } = name;

        public string Query { get; } = query;

        /// <summary>Of the object at the cluster; null until it is known.</summary>
        public string? Uid { get; set; }

        /// <summary>Null until it is resolved.</summary>
        public string? Service
        {
            get;
            set
            {
                field = value;
                if (value is not null) IsUnknown = false;
            }
        }

        /// <summary>Whether the last answer was that there is no such address.</summary>
        public bool IsUnknown { get; set; }

        public DateTimeOffset LastUsed { get; set; } = now;

        public DateTimeOffset RenewedAt { get; set; } = now;

        public Task<Resolution> NextAsync(CancellationToken cancellation) => Volatile.Read(ref _next).Task.WaitAsync(cancellation);

        public void Answer(Resolution resolution) =>
            Interlocked.Exchange(ref _next, new(TaskCreationOptions.RunContinuationsAsynchronously)).TrySetResult(resolution);
    }
}

/// <summary>An interest as it stands.</summary>
/// <param name="Service">Null until it is resolved.</param>
internal sealed record HeldInterest(string Name, string Query, string? Service, DateTimeOffset LastUsed);
