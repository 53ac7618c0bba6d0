using System.Text;
using System.Text.Json.Nodes;
using Gatehouse.Api.Server.Registry;
using Gatehouse.Objects;
using Gatehouse.Objects.Schema;
using Microsoft.AspNetCore.Http;

namespace Gatehouse.Api.Server.Http;

/// <summary>
/// Kubernetes' <c>fieldValidation</c>: what a kind does not know is kept, for a newer version's sake, and told: by <c>Warning</c> headers (the default, <c>Warn</c>), by a
/// refusal (<c>Strict</c>), or not at all (<c>Ignore</c>).
/// </summary>
internal static class FieldValidation
{
    /// <summary>The most fields that one answer names.</summary>
    private const int MaxNamed = 16;

    /// <summary>Sets the warnings. The refusal for <c>Strict</c>, or for a parameter that is none of the three.</summary>
    public static Status? Refuse(ObjectRequest request, JsonObject body)
    {
        var mode = request.Query("fieldValidation") ?? "Warn";
        if (mode is not ("Ignore" or "Warn" or "Strict")) return Refusals.BadRequest($"fieldValidation '{mode}' is not valid: must be Ignore, Warn or Strict");
        if (mode == "Ignore") return null;
        List<string> unknown = [.. UnknownFields.Find(request.Kind.Info, body).Take(MaxNamed).Select(static f => $"unknown field \"{f.Path}\"")];
        if (unknown.Count == 0) return null;
        if (mode == "Strict") return Refusals.BadRequest($"strict decoding error: {string.Join(", ", unknown)}");
        // RFC 7234 §5.5: 299 is a lasting warning, the agent's name "-" is unknown, the text is a quoted string.
        foreach (var text in unknown) request.Context.Response.Headers.Append("Warning", $"299 - \"{Quote(text)}\"");
        return null;
    }

    private static string Quote(string text)
    {
        var quoted = new StringBuilder(text.Length + 8);
        foreach (var c in text)
        {
            if (c is '"' or '\\') quoted.Append('\\');
            quoted.Append(c is >= ' ' and <= '~' ? c : '?');
        }

        return quoted.ToString();
    }
}
