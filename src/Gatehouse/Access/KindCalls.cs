using System.Runtime.CompilerServices;
using System.Text.Json;
using System.Text.Json.Nodes;
using Gatehouse.Api.Client;
using Gatehouse.Objects;

namespace Gatehouse.Access;

/// <summary>The client's calls for a kind that is known only at run time: objects go in and out as JSON.</summary>
internal abstract class KindCalls
{
    public static KindCalls For(KindInfo kind, IObjectClient client) => kind.Accept(new Opening(client));

    public abstract Task<JsonObject?> GetAsync(ObjectKey key, CancellationToken cancellation);

    public abstract Task<ObjectList<JsonObject>> ListAsync(Selection selection, CancellationToken cancellation);

    public abstract IAsyncEnumerable<ObjectEvent<JsonObject>> WatchAsync(Selection selection, string afterRevision, CancellationToken cancellation);

    public abstract Task<JsonObject> CreateAsync(JsonObject value, CancellationToken cancellation);

    public abstract Task<JsonObject> PatchAsync(ObjectKey key, string patch, CancellationToken cancellation);

    public abstract Task<bool> DeleteAsync(ObjectKey key, CancellationToken cancellation);

    private sealed class Opening(IObjectClient client) : IKindVisitor<KindCalls>
    {
        public KindCalls Visit<T>(KindInfo<T> kind)
            where T : ApiObject, IKind<T> => new Typed<T>(client, kind);
    }

    private sealed class Typed<T>(IObjectClient client, KindInfo<T> kind) : KindCalls
        where T : ApiObject, IKind<T>
    {
        public override async Task<JsonObject?> GetAsync(ObjectKey key, CancellationToken cancellation) =>
            await client.GetAsync<T>(key, cancellation) is { } found ? ToJson(found) : null;

        public override async Task<ObjectList<JsonObject>> ListAsync(Selection selection, CancellationToken cancellation)
        {
            var list = await client.ListAsync<T>(selection, cancellation);
            return new ObjectList<JsonObject>([.. list.Items.Select(ToJson)], list.ResourceVersion);
        }

        public override async IAsyncEnumerable<ObjectEvent<JsonObject>> WatchAsync(
            Selection selection, string afterRevision, [EnumeratorCancellation] CancellationToken cancellation)
        {
            await foreach (var e in client.WatchAsync<T>(selection, afterRevision, cancellation))
                yield return new ObjectEvent<JsonObject>(e.Type, e.Object is null ? null : ToJson(e.Object), e.ResourceVersion);
        }

        public override async Task<JsonObject> CreateAsync(JsonObject value, CancellationToken cancellation) =>
            ToJson(await client.CreateAsync(value.Deserialize(kind.Json)!, cancellation));

        public override async Task<JsonObject> PatchAsync(ObjectKey key, string patch, CancellationToken cancellation) =>
            ToJson(await client.MergePatchAsync<T>(key, patch, subresource: null, cancellation));

        public override Task<bool> DeleteAsync(ObjectKey key, CancellationToken cancellation) => client.DeleteAsync<T>(key, preconditions: null, cancellation);

        private JsonObject ToJson(T value) => JsonSerializer.SerializeToNode(value, kind.Json)!.AsObject();
    }
}
