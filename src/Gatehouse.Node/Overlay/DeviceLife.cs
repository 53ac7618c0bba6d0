using Gatehouse.Linux.Netlink;

namespace Gatehouse.Node.Overlay;

/// <summary>Brings a device of ours up with an MTU, whichever it had before.</summary>
internal static class DeviceLife
{
    /// <summary>The least MTU with which a device can have IPv6 (RFC 8200, section 5). Below it the kernel takes IPv6 off the device, with its addresses, routes and settings.</summary>
    public const int LeastMtu6 = 1_280;

    /// <summary>What every host of IPv4 takes in whole (RFC 791, section 3.1). An inner MTU is never less: the outer packet is cut and put together again instead.</summary>
    public const int LeastMtu4 = 576;

    extension(RouteSocket route)
    {
        /// <summary>Sets the device's MTU and sets it up, without IPv6 addresses that the kernel makes up.</summary>
        /// <remarks>
        /// The MTU comes first: how addresses are made is a setting of IPv6, which a device below <see cref="LeastMtu6"/> does not have. One that is up and gets IPv6 back
        /// with its MTU has a link-local address before anybody can say that it shall have none.
        /// </remarks>
        public void BringUp(int index, int mtu, int formerMtu)
        {
            if (formerMtu != mtu) route.SetLink(index, new() { Mtu = mtu });
            if (mtu >= LeastMtu6) route.SetLink(index, new() { AddressGeneration = AddressGeneration.None });
            route.SetLink(index, new() { Up = true });
            if (mtu < LeastMtu6 || formerMtu >= LeastMtu6) return;
            foreach (var made in route.Addresses(index).Where(a => a.Address.Address.IsIPv6LinkLocal).ToArray()) route.RemoveAddress(index, made.Address);
        }
    }
}
