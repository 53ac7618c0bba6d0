using System.Runtime.CompilerServices;
using System.Text;

namespace Gatehouse.Node.Tests;

/// <summary>Compares text with a file beside the test. <c>GOLDEN_UPDATE=1</c> writes what is there now.</summary>
internal static class Golden
{
    public static void Check(string actual, string file, [CallerFilePath] string source = "")
    {
        var path = Path.Combine(Path.GetDirectoryName(source)!, "Golden", file);
        if (Environment.GetEnvironmentVariable("GOLDEN_UPDATE") == "1")
        {
            Directory.CreateDirectory(Path.GetDirectoryName(path)!);
            File.WriteAllText(path, actual, new UTF8Encoding(false));
        }

        Assert.Equal(File.ReadAllText(path), actual);
    }
}
