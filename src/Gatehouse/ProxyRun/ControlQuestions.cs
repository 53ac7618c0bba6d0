using System.Text.Json;
using Gatehouse.Proxy.Supervision;

namespace Gatehouse.ProxyRun;

/// <summary>Asks a running engine.</summary>
internal static class ControlQuestions
{
    /// <summary>The data of its answer.</summary>
    /// <exception cref="CommandException">Nobody answers, or it refuses; the message says which.</exception>
    public static JsonElement Ask(string path, ControlRequest request)
    {
        try
        {
            using var client = ControlClient.Connect(path) ?? throw new CommandException($"{path}: no proxy answers there");
            return client.Ask(request).Data ?? throw new CommandException($"{path}: the proxy is of another version: it does not know the question");
        }
        catch (IOException e)
        {
            throw new CommandException($"{path}: {e.Message}");
        }
    }
}
