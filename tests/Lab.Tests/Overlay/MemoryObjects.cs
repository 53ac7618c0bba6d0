using System.Runtime.CompilerServices;
using System.Text.Json;
using System.Text.Json.Nodes;
using Gatehouse.Api.Client;
using Gatehouse.Objects;

namespace Lab.Tests.Overlay;

/// <summary>An API server in memory, as far as a node uses one: revisions, conflicts, field selectors, watches. Can be cut off.</summary>
internal sealed class MemoryObjects : IObjectClient
{
    private readonly Lock _gate = new();
    private readonly Dictionary<(string Kind, ObjectKey Key), ApiObject> _objects = [];
    private readonly List<(long Revision, ObjectEventType Type, ApiObject Object)> _log = [];
    private TaskCompletionSource _pulse = new(TaskCreationOptions.RunContinuationsAsynchronously);
    private TaskCompletionSource _cut = new(TaskCreationOptions.RunContinuationsAsynchronously);
    private long _revision;

    /// <summary>Fills in what a server would before an object is stored.</summary>
    public Func<ApiObject, ApiObject> Admit { get; set; } = static o => o;

    /// <summary>Called after each change, outside of the lock.</summary>
    public Action<ApiObject> Stored { get; set; } = static _ => { };

    /// <summary>Whose reading is forbidden, as a cluster answers for what is gone or another worker's.</summary>
    public Func<ObjectKey, bool> Forbids { get; set; } = static _ => false;

    public bool IsAway { get; private set; }

    /// <summary>Cuts everybody off, or lets them in again.</summary>
    public void SetAway(bool away)
    {
        IsAway = away;
        if (away) Interlocked.Exchange(ref _cut, new(TaskCreationOptions.RunContinuationsAsynchronously)).SetResult();
    }

    public IReadOnlyList<T> All<T>()
        where T : ApiObject
    {
        lock (_gate) return [.. _objects.Values.OfType<T>()];
    }

    public Task<T?> GetAsync<T>(ObjectKey key, CancellationToken cancellation)
        where T : ApiObject, IKind<T>
    {
        Reach();
        if (Forbids(key)) throw new ApiStatusException(new Status { Code = 403, Reason = StatusReason.Forbidden, Message = $"{T.Info.Plural} \"{key.Name}\" is forbidden" });
        lock (_gate) return Task.FromResult((T?)_objects.GetValueOrDefault((T.Info.Kind, key)));
    }

    public Task<ObjectList<T>> ListAsync<T>(Selection selection, CancellationToken cancellation)
        where T : ApiObject, IKind<T>
    {
        Reach();
        lock (_gate) return Task.FromResult(new ObjectList<T>([.. _objects.Values.OfType<T>().Where(o => Matches(o, T.Info, selection))], $"{_revision}"));
    }

    public async IAsyncEnumerable<ObjectEvent<T>> WatchAsync<T>(Selection selection, string afterRevision, [EnumeratorCancellation] CancellationToken cancellation)
        where T : ApiObject, IKind<T>
    {
        var at = long.Parse(afterRevision, System.Globalization.CultureInfo.InvariantCulture);
        var next = 0;
        var cut = _cut.Task;
        while (true)
        {
            Reach();
            if (cut.IsCompleted) yield break;
            Task pulse;
            (long Revision, ObjectEventType Type, ApiObject Object)[] news;
            lock (_gate)
            {
                pulse = _pulse.Task;
                news = [.. _log.Skip(next).Where(e => e.Revision > at && e.Object is T t && Matches(t, T.Info, selection))];
                next = _log.Count;
            }

            foreach (var (revision, type, value) in news) yield return new(type, (T)value, $"{revision}");
            await Task.WhenAny(pulse, cut).WaitAsync(cancellation);
        }
    }

    public Task<T> CreateAsync<T>(T value, CancellationToken cancellation)
        where T : ApiObject, IKind<T>
    {
        Reach();
        var admitted = (T)Admit(value);
        lock (_gate)
        {
            if (_objects.ContainsKey((T.Info.Kind, value.Key))) throw Refuse(409, StatusReason.AlreadyExists, $"{value.Key} exists");
            admitted = Put(admitted, ObjectEventType.Added);
        }

        return Tell(admitted);
    }

    public Task<T> UpdateAsync<T>(T value, CancellationToken cancellation)
        where T : ApiObject, IKind<T> => Change(value.Key, value.Metadata.ResourceVersion, (JsonObjectOf<T> old) => Merge(old, value, statusOnly: false));

    public Task<T> UpdateStatusAsync<T>(T value, CancellationToken cancellation)
        where T : ApiObject, IKind<T> => Change(value.Key, value.Metadata.ResourceVersion, (JsonObjectOf<T> old) => Merge(old, value, statusOnly: true));

    public Task<T> MergePatchAsync<T>(ObjectKey key, string patch, string? subresource, CancellationToken cancellation)
        where T : ApiObject, IKind<T> => Change(key, null, (JsonObjectOf<T> old) =>
        {
            var patched = MergePatch.Apply(JsonSerializer.SerializeToNode(old.Value, T.Info.Json)!, JsonNode.Parse(patch))!;
            return Merge(old, patched.Deserialize(T.Info.Json)!, statusOnly: subresource == "status");
        });

    public Task<bool> DeleteAsync<T>(ObjectKey key, DeletePreconditions? preconditions, CancellationToken cancellation)
        where T : ApiObject, IKind<T>
    {
        Reach();
        ApiObject? old;
        lock (_gate)
        {
            if (!_objects.Remove((T.Info.Kind, key), out old)) return Task.FromResult(false);
            Log(ObjectEventType.Deleted, old);
        }

        Stored(old);
        return Task.FromResult(true);
    }

    private static ApiStatusException Refuse(int code, string reason, string message) => new(new Status { Code = code, Reason = reason, Message = message });

    private static bool Matches<T>(T value, KindInfo<T> info, Selection selection)
        where T : ApiObject, IKind<T>
    {
        if (selection.Fields is null) return true;
        var json = JsonSerializer.SerializeToElement(value, info.Json);
        return selection.Fields.Split(',').All(f => f.Split('=') is [var path, var wanted] && Field(json, path) == wanted);
    }

    private static string? Field(JsonElement json, string path)
    {
        foreach (var part in path.Split('.'))
        {
            if (json.ValueKind != JsonValueKind.Object || !json.TryGetProperty(part, out json)) return null;
        }

        return json.ToString();
    }

    private static T Merge<T>(JsonObjectOf<T> old, T value, bool statusOnly)
        where T : ApiObject, IKind<T>
    {
        var before = JsonSerializer.SerializeToNode(old.Value, T.Info.Json)!.AsObject();
        var after = JsonSerializer.SerializeToNode(value, T.Info.Json)!.AsObject();
        var (keep, take) = statusOnly ? (before, after) : (after, before);
        if (T.Info.HasStatus)
        {
            keep.Remove("status");
            if (take["status"] is { } status) keep["status"] = status.DeepClone();
        }

        return keep.Deserialize(T.Info.Json)!;
    }

    private void Reach()
    {
        if (IsAway) throw new ApiUnreachableException("cut off", null);
    }

    private Task<T> Change<T>(ObjectKey key, string? revision, Func<JsonObjectOf<T>, T> change)
        where T : ApiObject, IKind<T>
    {
        Reach();
        T next;
        lock (_gate)
        {
            if (_objects.GetValueOrDefault((T.Info.Kind, key)) is not T old) throw Refuse(404, StatusReason.NotFound, $"{key} does not exist");
            if (revision is not null && revision != old.Metadata.ResourceVersion) throw Refuse(409, StatusReason.Conflict, $"{key} was changed");
            next = Put(change(new(old)), ObjectEventType.Modified);
        }

        return Tell(next);
    }

    private Task<T> Tell<T>(T value)
        where T : ApiObject
    {
        Stored(value);
        return Task.FromResult(value);
    }

    private T Put<T>(T value, ObjectEventType type)
        where T : ApiObject, IKind<T>
    {
        var uid = type == ObjectEventType.Added ? $"{Guid.NewGuid()}" : _objects[(T.Info.Kind, value.Key)].Metadata.Uid;
        var stored = (T)((ApiObject)value with { Metadata = value.Metadata with { ResourceVersion = $"{_revision + 1}", Uid = uid } });
        _objects[(T.Info.Kind, stored.Key)] = stored;
        Log(type, stored);
        return stored;
    }

    private void Log(ObjectEventType type, ApiObject value)
    {
        _log.Add((++_revision, type, value));
        Interlocked.Exchange(ref _pulse, new(TaskCreationOptions.RunContinuationsAsynchronously)).SetResult();
    }

    private readonly record struct JsonObjectOf<T>(T Value);
}
