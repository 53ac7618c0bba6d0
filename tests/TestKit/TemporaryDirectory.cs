namespace Gatehouse.TestKit;

/// <summary>A folder of a test's own, removed with all that is in it.</summary>
public sealed class TemporaryDirectory : IDisposable
{
    /// <summary>Makes the folder, readable by its owner alone.</summary>
    public TemporaryDirectory() => Path = Directory.CreateTempSubdirectory($"gatehouse-test-{Environment.ProcessId}-").FullName;

    /// <summary>The folder.</summary>
    public string Path { get; }

    /// <summary>A path in it; nothing is made.</summary>
    public string this[params string[] parts] => System.IO.Path.Combine([Path, .. parts]);

    /// <inheritdoc/>
    public void Dispose()
    {
        try
        {
            Directory.Delete(Path, recursive: true);
        }
        catch (DirectoryNotFoundException)
        {
            // A test may remove its folder on purpose.
        }
    }
}
