using System.Diagnostics.Metrics;
using System.Net;
using Gatehouse.Api.Client;
using Gatehouse.Api.Reconciling;
using Gatehouse.Api.Server;
using Gatehouse.Objects;
using Gatehouse.Objects.Kinds;
using Gatehouse.Objects.Resolving;
using Microsoft.Extensions.Logging;
using Microsoft.Extensions.Logging.Abstractions;

namespace Gatehouse.Api.Resolving;

/// <summary>Settings of an <see cref="InterestDesk"/>.</summary>
public sealed record InterestDeskOptions
{
    /// <summary>For logs and metrics, for example <c>root.interests</c>.</summary>
    public required string Name { get; init; }

    /// <summary>An interest that was not renewed for this long is deleted.</summary>
    public required TimeSpan Lease { get; init; }

    /// <summary>Interests of one holder; beyond: 429.</summary>
    public required int PerHolder { get; init; }

    /// <summary>Which addresses may be asked for, and how these are said to people.</summary>
    public required (Func<IPAddress, bool> Has, string Text) Served { get; init; }

    /// <summary>A holder whose interests never end by themselves; null for none.</summary>
    public string? PermanentHolder { get; init; }

    /// <summary>Status writes at the same time. Default 64: they share the store's fsync.</summary>
    public int Parallel { get; init; } = 64;

    /// <summary>Clock of leases.</summary>
    public TimeProvider Time { get; init; } = TimeProvider.System;

    /// <summary>Default: none.</summary>
    public ILogger Logger { get; init; } = NullLogger.Instance;
}

/// <summary>
/// Answers interests. A new one gets its resolution in the write that creates it, from memory. When a resolution changes, each holder that asked gets one write
/// with the whole of it and a greater version; the others hear nothing. Interests that nobody renews are deleted.
/// </summary>
public sealed class InterestDesk : IAdmission, IDisposable
{
    private readonly InterestDeskOptions _options;
    private readonly ResolutionTable _table;
    private readonly VersionClock _clock;
    private readonly Func<string, Resolution> _unknown;
    private readonly InterestIndex _index = new();
    private readonly ReconcileLoop<string> _loop;
    private readonly Meter _meter = new("gatehouse.interests");
    private readonly Counter<long> _refused;
    private readonly Counter<long> _pushes;
    private ObjectFeed<Interest>? _feed;
    private IObjectClient? _local;

    /// <param name="unknown">The answer to a canonical query that the table does not know; its version is filled in here.</param>
    public InterestDesk(InterestDeskOptions options, ResolutionTable table, VersionClock clock, Func<string, Resolution> unknown)
    {
        (_options, _table, _clock, _unknown) = (options, table, clock, unknown);
        _loop = new ReconcileLoop<string>(
            new ReconcileOptions { Name = options.Name, Parallel = options.Parallel, Time = options.Time, Logger = options.Logger },
            StepAsync);
        _meter.CreateObservableGauge("gatehouse.interests", () => new Measurement<int>(_feed?.Count ?? 0, Tag), "{interest}", "Interests that are served.");
        _refused = _meter.CreateCounter<long>("gatehouse.interests.refused", "{interest}", "Interests refused since their holder has as many as it may have.");
        _pushes = _meter.CreateCounter<long>("gatehouse.interests.pushes", "{write}", "Resolutions written since they changed.");
    }

    private KeyValuePair<string, object?> Tag => new("desk", _options.Name);

    /// <inheritdoc/>
    public IReadOnlyCollection<KindInfo> Kinds { get; } = [Interest.Info];

    /// <summary>Called with a canonical query when its first interest comes or its last one goes. Short, any thread.</summary>
    public Action<string> QueryChanged { get; set; } = static _ => { };

    /// <summary>Called with every change of an interest, its resolution's too, after the desk took it in. Short, any thread.</summary>
    public Action<ObjectEvent<Interest>> InterestChanged { get; set; } = static _ => { };

    /// <summary>Who asks one of these canonical queries; each once.</summary>
    public IEnumerable<string> HoldersOf(IEnumerable<string> queries) =>
        queries.SelectMany(_index.NamesOf).Select(n => _feed?.Find(n)?.Spec.Holder).OfType<string>().Distinct(StringComparer.Ordinal);

    /// <summary>All interests.</summary>
    public IEnumerable<Interest> All => _feed?.All ?? [];

    /// <summary>Whether anybody asks this.</summary>
    public bool IsAsked(string query) => _index.Has(query);

    /// <summary>Whether everybody who asked one of these was told of the last change.</summary>
    public bool IsTold(IEnumerable<string> queries) => queries.SelectMany(_index.NamesOf).All(n => _feed?.Find(n) is not { } i || !IsStale(i));

    /// <inheritdoc/>
    public ValueTask<Status?> AdmitAsync(AdmissionRequest request, CancellationToken cancellation)
    {
        if (request.Verb is AdmissionVerb.Delete or AdmissionVerb.UpdateStatus || request.Read<Interest>() is not { } interest) return new((Status?)null);
        var now = _options.Time.GetUtcNow();
        if (interest.Spec.RenewedAt is not { } renewed || renewed > now) request.SetSpec("renewedAt", now);
        return new(request.Verb == AdmissionVerb.Create ? Create(request, interest) : CheckChange(request, interest, request.ReadOld<Interest>()!));
    }

    /// <inheritdoc/>
    public void Abandon(AdmissionRequest request)
    {
    }

    /// <summary>Reads the interests that there are.</summary>
    public async Task LoadAsync(IObjectClient local, CancellationToken cancellation)
    {
        _local = local;
        _feed = new ObjectFeed<Interest>(local, _options.Time, OnChange);
        await _feed.LoadAsync(cancellation);
    }

    /// <summary>Answers until cancelled.</summary>
    public Task RunAsync(CancellationToken cancellation) => RoleTasks.RunAllAsync(cancellation, _feed!.RunAsync, _loop.RunAsync);

    /// <summary>The answers to these canonical queries may have changed.</summary>
    public void Touch(IEnumerable<string> queries)
    {
        foreach (var query in queries) _loop.Mark(_index.NamesOf(query));
    }

    /// <inheritdoc/>
    public void Dispose()
    {
        _loop.Dispose();
        _meter.Dispose();
    }

    private Status? Create(AdmissionRequest request, Interest interest)
    {
        var isAddress = IPAddress.TryParse(interest.Spec.Query, out var address) && !interest.Spec.Query.Contains('%', StringComparison.Ordinal);
        if (isAddress && !_options.Served.Has(address!))
            return request.Invalid([new Fault("spec.query", interest.Spec.Query, $"is no service or instance address: these lie in {_options.Served.Text}")]);
        if (!isAddress && !Names.IsSubdomain(interest.Spec.Query.ToLowerInvariant()))
            return request.Invalid([new Fault("spec.query", interest.Spec.Query, "must be an IPv4 or IPv6 address, or a service's name")]);
        if (_index.CountOf(interest.Spec.Holder) >= _options.PerHolder)
        {
            _refused.Add(1, Tag);
            return request.TooMany($"{interest.Spec.Holder} holds {_options.PerHolder} interests, which is the limit");
        }

        request.SetStatus(Answer(interest), ObjectsJson.Default.Resolution);
        return null;
    }

    private static Status? CheckChange(AdmissionRequest request, Interest interest, Interest old)
    {
        List<Fault> faults = [];
        if (interest.Spec.Holder != old.Spec.Holder) faults.Add(new Fault("spec.holder", interest.Spec.Holder, $"can't change: it is {old.Spec.Holder}"));
        if (interest.Spec.Query != old.Spec.Query) faults.Add(new Fault("spec.query", interest.Spec.Query, $"can't change: it is {old.Spec.Query}"));
        return faults.Count > 0 ? request.Invalid(faults) : null;
    }

    private void OnChange(ObjectEvent<Interest> change)
    {
        var interest = change.Object!;
        var query = Interest.Canonical(interest.Spec.Query);
        if (interest.Status is { } status) _clock.Witness(status.Version);
        var queryTurned = change.Type == ObjectEventType.Deleted ? _index.Remove(interest, query) : _index.Add(interest, query);
        if (queryTurned) QueryChanged(query);
        InterestChanged(change);
        if (change.Type != ObjectEventType.Deleted) _loop.Mark(interest.Metadata.Name);
    }

    private async Task<DateTimeOffset?> StepAsync(string name, CancellationToken cancellation)
    {
        if (_feed!.Find(name) is not { } interest) return null;
        var end = (interest.Spec.RenewedAt ?? interest.Metadata.CreationTimestamp ?? _options.Time.GetUtcNow()) + _options.Lease;
        var isPermanent = interest.Spec.Holder == _options.PermanentHolder;
        if (end <= _options.Time.GetUtcNow() && !isPermanent)
        {
            await _local!.DeleteAsync<Interest>(name, new DeletePreconditions(interest.Metadata.Uid, interest.Metadata.ResourceVersion), cancellation);
            return null;
        }

        if (IsStale(interest)) await PushAsync(interest, cancellation);
        return isPermanent ? null : end;
    }

    private async Task PushAsync(Interest interest, CancellationToken cancellation)
    {
        // No resourceVersion: the holder may renew at the same time, and nobody else writes status.
        var pushed = interest with { Metadata = interest.Metadata with { ResourceVersion = null }, Status = Answer(interest) };
        try
        {
            _feed!.Observe(await _local!.UpdateStatusAsync(pushed, cancellation));
            _pushes.Add(1, Tag);
        }
        catch (ApiStatusException e) when (e.Is(StatusReason.NotFound))
        {
            // It was deleted a moment ago; its event follows.
        }
    }

    private bool IsStale(Interest interest)
    {
        var query = Interest.Canonical(interest.Spec.Query);
        return interest.Status is not { } told || !ResolutionContent.Same(told, _table.Find(query) ?? _unknown(query));
    }

    private Resolution Answer(Interest interest)
    {
        var query = Interest.Canonical(interest.Spec.Query);
        var answer = _table.Find(query) ?? _unknown(query);
        return answer.Version > (interest.Status?.Version ?? 0) ? answer : answer with { Version = _clock.Next() };
    }

    /// <summary>Which interests ask what, and how many each holder has.</summary>
    private sealed class InterestIndex
    {
        private readonly Lock _gate = new();
        private readonly Dictionary<string, HashSet<string>> _byQuery = new(StringComparer.Ordinal);
        private readonly Dictionary<string, HashSet<string>> _byHolder = new(StringComparer.Ordinal);

        public bool Has(string query)
        {
            lock (_gate) return _byQuery.ContainsKey(query);
        }

        public IReadOnlyList<string> NamesOf(string query)
        {
            lock (_gate) return _byQuery.TryGetValue(query, out var names) ? [.. names] : [];
        }

        public int CountOf(string holder)
        {
            lock (_gate) return _byHolder.TryGetValue(holder, out var names) ? names.Count : 0;
        }

        /// <returns>Whether it is the first for its query.</returns>
        public bool Add(Interest interest, string query)
        {
            lock (_gate)
            {
                Into(_byHolder, interest.Spec.Holder, interest.Metadata.Name);
                return Into(_byQuery, query, interest.Metadata.Name);
            }
        }

        /// <returns>Whether it was the last for its query.</returns>
        public bool Remove(Interest interest, string query)
        {
            lock (_gate)
            {
                OutOf(_byHolder, interest.Spec.Holder, interest.Metadata.Name);
                return OutOf(_byQuery, query, interest.Metadata.Name);
            }
        }

        private static bool Into(Dictionary<string, HashSet<string>> index, string key, string name)
        {
            if (!index.TryGetValue(key, out var names)) index[key] = names = new HashSet<string>(StringComparer.Ordinal);
            return names.Add(name) && names.Count == 1;
        }

        private static bool OutOf(Dictionary<string, HashSet<string>> index, string key, string name)
        {
            if (!index.TryGetValue(key, out var names) || !names.Remove(name) || names.Count > 0) return false;
            return index.Remove(key);
        }
    }
}
