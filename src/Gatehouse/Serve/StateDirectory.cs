namespace Gatehouse.Serve;

/// <summary>The directory that a role keeps everything in, for its owner alone.</summary>
internal static class StateDirectory
{
    public static void Make(string path)
    {
        const UnixFileMode Private = UnixFileMode.UserRead | UnixFileMode.UserWrite | UnixFileMode.UserExecute;
        Directory.CreateDirectory(path, Private);
        Directory.CreateDirectory(Path.Combine(path, "identity"), Private);
        Directory.CreateDirectory(Path.Combine(path, "mirror"), Private);
    }
}
