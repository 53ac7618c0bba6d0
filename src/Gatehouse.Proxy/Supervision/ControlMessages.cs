using System.Text.Json;
using System.Text.Json.Serialization;

namespace Gatehouse.Proxy.Supervision;

/// <summary>What is asked of an engine at its control socket.</summary>
internal sealed record ControlRequest
{
    public required ControlAct Act { get; init; }

    /// <summary>For <see cref="ControlAct.Explain"/>.</summary>
    public string? Method { get; init; }

    /// <summary>For <see cref="ControlAct.Explain"/>.</summary>
    public string? Url { get; init; }

    /// <summary>Fields, <c>name: value</c>, for <see cref="ControlAct.Explain"/>.</summary>
    public IReadOnlyList<string>? Fields { get; init; }

    /// <summary>The listener, for <see cref="ControlAct.Explain"/>; null: each that would take it.</summary>
    public string? Listener { get; init; }
}

/// <summary>What can be asked.</summary>
[JsonConverter(typeof(JsonStringEnumConverter<ControlAct>))]
internal enum ControlAct
{
    /// <summary>Who it is: pid, version, revision, age.</summary>
    Status,

    /// <summary>All figures.</summary>
    Figures,

    /// <summary>The same in Prometheus' text.</summary>
    Metrics,

    /// <summary>What would become of a request, and why.</summary>
    Explain,

    /// <summary>The listening sockets, for a successor.</summary>
    TakeOver,

    /// <summary>The successor accepts: drain.</summary>
    Replaced,
}

/// <summary>The answer.</summary>
internal sealed record ControlReply
{
    /// <summary>Why it was not done; null when it was.</summary>
    public string? Problem { get; init; }

    /// <summary>Names of the descriptors that come along; the last message has none.</summary>
    public IReadOnlyList<string>? Names { get; init; }

    /// <summary>An object whose form depends on what was asked.</summary>
    public JsonElement? Data { get; init; }

    /// <summary>Text, for <see cref="ControlAct.Metrics"/>.</summary>
    public string? Text { get; init; }
}
