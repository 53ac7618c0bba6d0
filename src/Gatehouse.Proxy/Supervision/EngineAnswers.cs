using System.Buffers;
using System.Text;
using System.Text.Json;
using Gatehouse.Proxy.Access;
using Gatehouse.Proxy.Access.Metrics;
using Gatehouse.Proxy.Configuration;
using Gatehouse.Proxy.Engine;

namespace Gatehouse.Proxy.Supervision;

/// <summary>What an engine says of itself.</summary>
internal static class EngineAnswers
{
    /// <summary>The answer to a request that changes nothing.</summary>
    public static ControlReply Of(ControlRequest request, ProxyEngine engine, ProxyConfig config, EngineState state) => request.Act switch
    {
        ControlAct.Metrics => new ControlReply { Text = Metrics(engine, state) },
        ControlAct.Explain => Explain(request, engine),
        ControlAct.Figures => new ControlReply { Data = JsonSerializer.SerializeToElement(EngineFigures.Of(engine, state), EngineFiguresJson.Default.EngineFigures) },
        ControlAct.Status => new ControlReply { Data = Status(engine, config, state) },
        _ => new ControlReply { Problem = $"{request.Act} is not known here" },
    };

    private static ControlReply Explain(ControlRequest request, ProxyEngine engine)
    {
        var index = engine.Figures();
        if (request.Listener is { } name && index.Listeners.All(l => l.Name != name)) return new ControlReply { Problem = $"there is no listener {name}; there are: {string.Join(", ", index.Listeners.Select(l => l.Name))}" };
        if (RouteQuestion.Read(request.Method, request.Url, request.Fields ?? [], out var problem) is not { } question) return new ControlReply { Problem = problem };
        var explained = new RouteExplainer(index.Listeners, engine.Sum).Explain(question, request.Listener);
        return new ControlReply { Data = JsonSerializer.SerializeToElement(explained, RouteExplanationJson.Default.RouteExplanation) };
    }

    private static string Metrics(ProxyEngine engine, EngineState state)
    {
        var text = new ArrayBufferWriter<byte>();
        new EngineMetrics(engine, state).Write(part =>
        {
            text.Write(part);
            return true;
        });
        return Encoding.UTF8.GetString(text.WrittenSpan);
    }

    private static JsonElement Status(ProxyEngine engine, ProxyConfig config, EngineState state)
    {
        using var bytes = new MemoryStream();
        using (var json = new Utf8JsonWriter(bytes))
        {
            json.WriteStartObject();
            json.WriteNumber("pid", Environment.ProcessId);
            json.WriteNumber("revision", state.Revision);
            json.WriteNumber("connections", engine.Connections);
            json.WriteNumber("threads", engine.Loops.Count);
            json.WriteNumber("listeners", config.Listeners.Count);
            json.WriteEndObject();
        }

        return JsonDocument.Parse(bytes.ToArray()).RootElement;
    }
}
