using System.Text.Json;
using Gatehouse.Proxy.Configuration;
using Gatehouse.Proxy.Engine;

namespace Gatehouse.Proxy.Supervision;

/// <summary>What an engine says of itself.</summary>
internal static class EngineAnswers
{
    /// <summary>The answer to a request that changes nothing.</summary>
    public static ControlReply Of(ControlRequest request, ProxyEngine engine, ProxyConfig config, long revision) => request.Act switch
    {
        ControlAct.Status => new ControlReply { Data = Status(engine, config, revision) },
        _ => new ControlReply { Problem = $"{request.Act} is not known here" },
    };

    private static JsonElement Status(ProxyEngine engine, ProxyConfig config, long revision)
    {
        using var bytes = new MemoryStream();
        using (var json = new Utf8JsonWriter(bytes))
        {
            json.WriteStartObject();
            json.WriteNumber("pid", Environment.ProcessId);
            json.WriteNumber("revision", revision);
            json.WriteNumber("connections", engine.Connections);
            json.WriteNumber("threads", engine.Loops.Count);
            json.WriteNumber("listeners", config.Listeners.Count);
            json.WriteEndObject();
        }

        return JsonDocument.Parse(bytes.ToArray()).RootElement;
    }
}
