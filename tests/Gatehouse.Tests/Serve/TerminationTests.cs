using System.Diagnostics;
using System.Net;
using System.Net.Sockets;

namespace Gatehouse.Tests.Serve;

/// <summary>A supervisor ends a role with SIGTERM, a person at a terminal with SIGINT; both wait for it.</summary>
public sealed class TerminationTests
{
    private static readonly TimeSpan Limit = TimeSpan.FromSeconds(60);

    [Theory]
    [InlineData("TERM")]
    [InlineData("INT")]
    public async Task A_signal_ends_a_role_in_good_order(string signal)
    {
        using var limit = CancellationTokenSource.CreateLinkedTokenSource(TestContext.Current.CancellationToken);
        limit.CancelAfter(Limit);
        var state = Directory.CreateTempSubdirectory("gatehouse-termination-");
        using var root = Process.Start(new ProcessStartInfo(
            Path.Combine(AppContext.BaseDirectory, "gatehouse"), ["serve", "root", "--state", state.FullName, "--listen", FreeEndPoint().ToString(), "--log", "text"])
        { RedirectStandardError = true })!;
        try
        {
            while (await root.StandardError.ReadLineAsync(limit.Token) is { } line && !line.Contains("root serves", StringComparison.Ordinal))
            {
                // What it says on its way up.
            }

            using var kill = Process.Start("kill", [$"-{signal}", $"{root.Id}"]);
            var rest = await root.StandardError.ReadToEndAsync(limit.Token);
            await root.WaitForExitAsync(limit.Token);

            Assert.Equal(ExitCode.Ok, root.ExitCode);
            Assert.Contains("root stopped", rest, StringComparison.Ordinal);
        }
        finally
        {
            if (!root.HasExited) root.Kill();
            state.Delete(recursive: true);
        }
    }

    private static IPEndPoint FreeEndPoint()
    {
        using var socket = new Socket(AddressFamily.InterNetwork, SocketType.Stream, ProtocolType.Tcp);
        socket.Bind(new IPEndPoint(IPAddress.Loopback, 0));
        return (IPEndPoint)socket.LocalEndPoint!;
    }
}
