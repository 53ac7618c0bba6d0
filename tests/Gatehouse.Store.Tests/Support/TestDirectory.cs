namespace Gatehouse.Store.Tests.Support;

/// <summary>A directory of its own for one test, on the disk where the tests run; removed at the end.</summary>
internal sealed class TestDirectory : IDisposable
{
    public string Path { get; } = Directory.CreateTempSubdirectory($"gatehouse-store-{Environment.ProcessId}-").FullName;

    public string StorePath => System.IO.Path.Combine(Path, "store.db");

    public void Dispose() => Directory.Delete(Path, recursive: true);
}
