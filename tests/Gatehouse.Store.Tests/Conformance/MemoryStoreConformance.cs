using Gatehouse.Store.Memory;

namespace Gatehouse.Store.Tests.Conformance;

public sealed class MemoryStoreConformance : StoreConformance
{
    protected override ValueTask<IRevisionStore> OpenAsync(StoreOptions options, TimeProvider time) =>
        ValueTask.FromResult<IRevisionStore>(new MemoryStore(time, options));
}
