using System.Globalization;
using System.Net;
using System.Net.Sockets;
using System.Text.Json.Nodes;

namespace Gatehouse.Proxy.Configuration.Form;

/// <summary>Address and port: <c>10.0.0.1:80</c>, <c>[2001:db8::1]:80</c>.</summary>
/// <param name="anyPort">Whether port 0, a free one, may stand there.</param>
internal sealed class AddressShape(bool anyPort) : ScalarShape<IPEndPoint>
{
    private static readonly IPEndPoint None = new(IPAddress.Any, 0);

    public override IPEndPoint Placeholder => None;

    public override string Words => "an address with its port, such as 10.0.0.1:80 or \"[2001:db8::1]:80\"";

    protected override string? Parse(string text, bool plain, out IPEndPoint value)
    {
        value = None;
        if (AddressText.TryParse(text, out var bare) && bare.AddressFamily == AddressFamily.InterNetworkV6) return $"{Shown.Value(text)}: which part is the port can't be told; with port 80 write \"[{text}]:80\"";
        var end = text.LastIndexOf(':');
        var (host, port) = end < 0 || text.EndsWith(']') ? (text, null) : (text[..end], text[(end + 1)..]);
        if (AddressText.TryParse(host.StartsWith('[') && host.EndsWith(']') ? host[1..^1] : host, out var address))
        {
            if (address.AddressFamily == AddressFamily.InterNetworkV6 && !host.StartsWith('[')) return $"{Shown.Value(text)}: the address must be in brackets: \"[{host}]:{port}\"";
            if (port is null) return $"{Shown.Value(text)} has no port: for example \"{text}:80\"";
            if (!ushort.TryParse(port, NumberStyles.None, CultureInfo.InvariantCulture, out var number) || (port.Length > 1 && port[0] == '0')) return $"{Shown.Value(text)} is not valid: a port is a number from 1 to 65535";
            value = new IPEndPoint(address, number);
            return null;
        }

        return AddressText.TryParse(text, out _) || text.Length == 0 || !host.Any(char.IsAsciiLetter) || host.Contains(':', StringComparison.Ordinal)
            ? Shown.NotValid(text, Words)
            : $"{Shown.Value(text)} is a name: only addresses can stand here, because names are not resolved; write {Words}";
    }

    protected override string Format(IPEndPoint value) => value.ToString();

    /// <inheritdoc/>
    public override void Check(IPEndPoint value, ConfigCheck check)
    {
        if (value is null) check.Fault("is required: " + Words);
        else if (value.Port == 0 && !anyPort) check.Fault($"{Shown.Value(value.ToString())} is not valid: a port is a number from 1 to 65535");
        else if (value.Address.AddressFamily is not (AddressFamily.InterNetwork or AddressFamily.InterNetworkV6)) check.Fault(Shown.NotValid(value.ToString(), Words));
    }

    /// <inheritdoc/>
    public override JsonObject Schema(SchemaParts parts) => new() { ["type"] = "string", ["pattern"] = @"^([0-9.]+|\[[0-9A-Fa-f:.%]+\]):[0-9]{1,5}$" };
}

/// <summary>A range of addresses: <c>10.0.0.0/8</c>, or one address alone.</summary>
internal sealed class NetworkShape : ScalarShape<IPNetwork>
{
    public override IPNetwork Placeholder => default;

    public override string Words => "a range of addresses such as 10.0.0.0/8 or fd00::/8, or one address";

    protected override string? Parse(string text, bool plain, out IPNetwork value)
    {
        value = default;
        var slash = text.IndexOf('/', StringComparison.Ordinal);
        if (!AddressText.TryParse(slash < 0 ? text : text[..slash], out var address) || address.ScopeIdOrZero != 0) return Shown.NotValid(text, Words);
        var bits = address.AddressFamily == AddressFamily.InterNetwork ? 32 : 128;
        var length = bits;
        if (slash >= 0 && !(int.TryParse(text.AsSpan(slash + 1), NumberStyles.None, CultureInfo.InvariantCulture, out length) && length <= bits && text[slash + 1] != '0' | text.Length == slash + 2))
        {
            return Shown.NotValid(text, $"the length after the slash is a number from 0 to {bits}");
        }

        var right = new IPNetwork(AddressText.Masked(address, length), length);
        if (!right.BaseAddress.Equals(address)) return Shown.NotValid(text, $"bits are set after the first {length}; the range with this address in it is {right}");
        value = right;
        return null;
    }

    protected override string Format(IPNetwork value) => value.ToString();

    /// <inheritdoc/>
    public override JsonObject Schema(SchemaParts parts) => new() { ["type"] = "string", ["pattern"] = "^[0-9A-Fa-f:.]+(/[0-9]{1,3})?$" };
}

/// <summary>Addresses as people write them.</summary>
internal static class AddressText
{
    extension(IPAddress address)
    {
        /// <summary>The interface of a link-local address; 0: none.</summary>
        public long ScopeIdOrZero => address.AddressFamily == AddressFamily.InterNetworkV6 ? address.ScopeId : 0;
    }

    /// <summary>.NET alone also takes <c>10.1</c> for 10.0.0.1, <c>010.0.0.1</c> for 8.0.0.1 and a bare number for an address.</summary>
    public static bool TryParse(string text, out IPAddress address)
    {
        var right = IPAddress.TryParse(text, out var parsed) && !text.StartsWith('[') && (parsed.AddressFamily == AddressFamily.InterNetworkV6 || parsed.ToString() == text);
        address = parsed ?? IPAddress.None;
        return right;
    }

    /// <summary>The address with all bits behind the first ones cleared.</summary>
    public static IPAddress Masked(IPAddress address, int length)
    {
        var bytes = address.GetAddressBytes();
        for (var i = 0; i < bytes.Length; i++) bytes[i] &= (byte)(0xFF00 >> Math.Clamp(length - (8 * i), 0, 8));
        return new IPAddress(bytes);
    }
}
