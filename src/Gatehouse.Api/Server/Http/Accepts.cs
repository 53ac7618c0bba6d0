using Microsoft.AspNetCore.Http;

namespace Gatehouse.Api.Server.Http;

/// <summary>Reads the Accept header as far as an API of JSON needs it. Clients list what they like best first; quality values are not weighed.</summary>
internal static class Accepts
{
    /// <summary>Whether some form of JSON is good enough for the client.</summary>
    public static bool Json(HttpRequest request) =>
        request.Headers.Accept.Count == 0 || Entries(request).Any(static e => MediaType(e) is "application/json" or "application/*" or "*/*" or "");

    /// <summary>Whether the first JSON form that the client names is a table (meta.k8s.io/v1 Table).</summary>
    public static bool WantsTable(HttpRequest request)
    {
        foreach (var entry in Entries(request))
        {
            if (MediaType(entry) is not ("application/json" or "application/*" or "*/*")) continue;
            var parameters = entry.Split(';', StringSplitOptions.TrimEntries).Skip(1).ToList();
            var form = parameters.Find(static p => p.StartsWith("as=", StringComparison.OrdinalIgnoreCase));
            if (form is null) return false;
            if (form.Equals("as=Table", StringComparison.OrdinalIgnoreCase) && parameters.Contains("v=v1", StringComparer.OrdinalIgnoreCase)
                && parameters.Contains("g=meta.k8s.io", StringComparer.OrdinalIgnoreCase)) return true;
        }

        return false;
    }

    private static IEnumerable<string> Entries(HttpRequest request) =>
        request.Headers.Accept.SelectMany(static h => (h ?? "").Split(',', StringSplitOptions.TrimEntries));

    private static string MediaType(string entry) => entry.Split(';')[0].Trim().ToLowerInvariant();
}
