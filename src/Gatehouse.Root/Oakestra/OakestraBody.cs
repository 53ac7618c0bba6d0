using System.Globalization;
using System.Text.Json;
using Gatehouse.Objects;
using Microsoft.AspNetCore.Http;

namespace Gatehouse.Root.Oakestra;

/// <summary>A JSON body whose fields are asked for one by one; everything that is wrong is gathered.</summary>
internal sealed class OakestraBody
{
    /// <summary>Bytes of a body; beyond: 413. A deployment descriptor is a few kilobytes.</summary>
    public const int MaxBytes = 1 << 20;

    private readonly JsonElement _root;
    private readonly string _path;
    private readonly List<Fault> _faults;

    private OakestraBody(JsonElement root, string path, List<Fault> faults) => (_root, _path, _faults) = (root, path, faults);

    /// <summary>What is wrong so far.</summary>
    public IReadOnlyList<Fault> Faults => _faults;

    /// <summary>The whole object.</summary>
    public JsonElement Json => _root;

    /// <summary>Reads a request's body.</summary>
    /// <exception cref="OakestraFault">400 or 413: it is no JSON object, or too long.</exception>
    public static async Task<OakestraBody> ReadAsync(HttpContext context)
    {
        using var buffer = new MemoryStream();
        var chunk = new byte[8_192];
        for (var n = await context.Request.Body.ReadAsync(chunk, context.RequestAborted); n > 0; n = await context.Request.Body.ReadAsync(chunk, context.RequestAborted))
        {
            if (buffer.Length + n > MaxBytes) throw new OakestraFault(413, $"the body is longer than {MaxBytes} bytes");
            buffer.Write(chunk, 0, n);
        }

        if (!ForeignJson.TryReadDocument(buffer.ToArray(), new JsonDocumentOptions { AllowDuplicateProperties = false }, out var document, out var fault)) throw new OakestraFault(400, $"the body {fault}");
        using (document)
        {
            if (document.RootElement.ValueKind != JsonValueKind.Object) throw new OakestraFault(400, $"the body must be a JSON object, not {ForeignJson.Word(document.RootElement.ValueKind)}");
            return new OakestraBody(document.RootElement.Clone(), "", []);
        }
    }

    /// <summary>A text that must be there.</summary>
    public string Text(string name)
    {
        if (_root.TryGetProperty(name, out var value) && value.ValueKind == JsonValueKind.String && value.GetString() is { Length: > 0 } text) return text;
        Fail(name, "is required: a text");
        return "";
    }

    /// <summary>A text that may be absent, null or empty.</summary>
    public string? OptionalText(string name)
    {
        if (!_root.TryGetProperty(name, out var value) || value.ValueKind == JsonValueKind.Null) return null;
        if (value.ValueKind == JsonValueKind.String) return value.GetString() is { Length: > 0 } text ? text : null;
        Fail(name, "must be a text");
        return null;
    }

    /// <summary>A whole number, or its digits as text: Oakestra's callers send both.</summary>
    public int Number(string name, int min, int max)
    {
        if (_root.TryGetProperty(name, out var value))
        {
            if (value.ValueKind == JsonValueKind.Number && value.TryGetInt32(out var number) && number >= min && number <= max) return number;
            if (value.ValueKind == JsonValueKind.String && int.TryParse(value.GetString(), NumberStyles.AllowLeadingSign, CultureInfo.InvariantCulture, out number) && number >= min && number <= max) return number;
        }

        Fail(name, $"is required: a number from {min} to {max}");
        return min;
    }

    /// <summary>An object that must be there.</summary>
    public OakestraBody Object(string name)
    {
        if (_root.TryGetProperty(name, out var value) && value.ValueKind == JsonValueKind.Object) return new OakestraBody(value, $"{_path}{name}.", _faults);
        Fail(name, "is required: an object");
        return new OakestraBody(JsonElement.Parse("{}"u8), $"{_path}{name}.", []);
    }

    /// <summary>A list of objects that must be there.</summary>
    public IReadOnlyList<OakestraBody> List(string name)
    {
        if (!_root.TryGetProperty(name, out var value) || value.ValueKind != JsonValueKind.Array)
        {
            Fail(name, "is required: a list");
            return [];
        }

        List<OakestraBody> items = [];
        foreach (var item in value.EnumerateArray())
        {
            if (item.ValueKind == JsonValueKind.Object) items.Add(new OakestraBody(item, $"{_path}{name}[{items.Count}].", _faults));
            else _faults.Add(new Fault($"{_path}{name}[{items.Count}]", item.GetRawText(), "must be an object"));
        }

        return items;
    }

    /// <summary>Adds a fault of a field.</summary>
    public void Fail(string name, string expected)
    {
        var given = _root.ValueKind == JsonValueKind.Object && _root.TryGetProperty(name, out var value) ? value.GetRawText() : "";
        _faults.Add(new Fault(_path + name, given.Length > 100 ? given[..100] : given, expected));
    }

    /// <summary>Refuses the request when anything was wrong.</summary>
    public void ThrowIfFaulty(string message)
    {
        if (_faults.Count > 0) throw new OakestraFault(400, message, _faults);
    }
}

/// <summary>An answer other than 200.</summary>
internal sealed class OakestraFault(int code, string message, IReadOnlyList<Fault>? faults = null) : Exception(message)
{
    public int Code { get; } = code;

    public IReadOnlyList<Fault> Faults { get; } = faults ?? [];
}
