namespace Gatehouse.Node.Ruleset;

/// <summary>The base chains, with words in angle brackets that <see cref="RulesetText"/> fills in; lines that begin with # are for the reader.</summary>
internal static class RulesetTemplates
{
    /// <summary>
    /// Packets of the tunnel, before anything else looks at them. The inner MAC can be forged, so the outer source is bound to the inner source here. Offsets count
    /// from the UDP header: 64 bits of it, 64 of VXLAN, 112 of Ethernet. Outer packets are not tracked: they would be most of the table.
    /// </summary>
    public const string Tunnel = """
          chain tun {
            <IP> saddr != @vteps counter drop
            @th,224,16 0x0800 @th,240,8 0x45 <IP> saddr . @th,336,32 & 0xffffffc0 @peersub accept
            @th,224,16 0x0800 <IP> saddr . @th,336,32 @peersrc accept
            @th,224,16 0x86dd <IP> saddr . @th,304,128 & 0xffffffffffffffffffffffffffffff00 @peersub6 accept
            @th,224,16 0x86dd <IP> saddr . @th,304,128 @peersrc6 accept
            <IP> saddr @gws @th,224,16 0x0800 @th,336,12 != 0x0a1 accept
            <IP> saddr @gws @th,224,16 0x86dd @th,304,64 != 0xfc00000000000000 @th,304,16 != 0xfdff accept
            # ARP and the rest: neighbours are permanent, nothing needs it.
            counter drop
          }
          chain guard {
            type filter hook prerouting priority -350
            <IP> daddr <UNDERLAY> udp dport <TUNNELPORT> jump tun
            # An instance sends from its own addresses alone.
            iifname <INSTANCES> iifname . <IP> saddr != @sources counter drop
            # Linux answers for addresses of its other interfaces: from outside none of the inner ones is reachable, not to this host and not through it.
            iifname != <OWN> iifname != "lo" <IP> daddr <INNER> counter drop
          }
          chain untracked {
            type filter hook prerouting priority -300
            <IP> daddr <UNDERLAY> udp dport <TUNNELPORT> notrack
          }
          chain untrackedout {
            type filter hook output priority -300
            <IP> saddr <UNDERLAY> udp dport <TUNNELPORT> notrack
          }

        """;

    /// <summary>The same for the family that the underlay does not have.</summary>
    public const string NoTunnel = """
          chain guard {
            type filter hook prerouting priority -350
            iifname <INSTANCES> iifname . <IP> saddr != @sources counter drop
            iifname != <OWN> iifname != "lo" <IP> daddr <INNER> counter drop
          }

        """;

    public const string Chains = """
          # Clients of a gateway that keep their address: the reply goes back through it. The mark must not reach the outer packet, whose route it would change.
          chain keep {
            type filter hook prerouting priority -150
            iifname <VXLAN> ct state new <IP> saddr != <INNER> ct mark set ether saddr map @gwmark
            iifname <INSTANCES> ct direction reply ct mark & <KINDMASK> == <GATEWAYMARK> meta mark set ct mark
          }
          chain sel {
            # A flow that is new has no mark of its own yet: it carries the code of the chain until it is stamped.
            ct mark set <IP> daddr map @svc ct mark vmap @draws
            dnat to <IP> daddr map @one
          }
          chain pre {
            type nat hook prerouting priority -100
            <IP> daddr <SERVICES> goto sel
            ct mark set <IP> daddr . meta l4proto . th dport map @expose ct mark vmap @draws
          }
          chain out {
            type nat hook output priority -100
            <IP> daddr <SERVICES> goto sel
            ct mark set <IP> daddr . meta l4proto . th dport map @expose ct mark vmap @draws
          }
          # What was not translated goes to user space as a copy, and the packet itself ends before it is confirmed: put back, it is new and is translated.
          chain miss {
            type filter hook prerouting priority -90
            <IP> daddr != <SERVICES> return
            ct state invalid counter drop
            # A reset first: the kernel limits ICMP errors to one a second for each target.
            ct state new meta l4proto tcp <IP> daddr @refused reject with tcp reset
            ct state new <IP> daddr @refused reject with <REFUSAL>
            iifname <TUN> fib daddr oifname <TUN> counter drop
            iifname != <TUN> ct state new fib daddr oifname <TUN> goto slow
          }
          # What this host itself sends to an address that is not known leaves by the device that user space reads, and is no connection yet: put back, it is new. A copy and a
          # drop, as above, would tell the program that sends that it may not.
          chain unknownout {
            type filter hook output priority -300
            oifname <TUN> <IP> daddr <SERVICES> <IP> daddr != @known notrack
          }
          chain missout {
            type filter hook output priority -90
            <IP> daddr != <SERVICES> return
            # A reset first: the kernel limits ICMP errors to one a second for each target.
            ct state new meta l4proto tcp <IP> daddr @refused reject with tcp reset
            ct state new <IP> daddr @refused reject with <REFUSAL>
            ct state new oifname <TUN> goto slow
          }
          chain slow {
            dup to <IP> daddr device <TUN>
            drop
          }
          # Redirects, which the kernel sends when a packet leaves by the device that it came from: an instance that calls itself.
          chain noredirect {
            type filter hook output priority 0
            oifname <INSTANCES> <REDIRECT> drop
          }
          chain through {
            type filter hook forward priority 0
            oifname <VXLAN> tcp flags & (syn|rst) == syn tcp option maxseg size set rt mtu
            iifname <VXLAN> oifname <INSTANCES> accept
            iifname <VXLAN> ct state established,related accept
            iifname <VXLAN> counter drop
            iifname != <OWN> oifname <OWN> ct state established,related accept
            iifname != <OWN> oifname <OWN> ct status dnat accept
            iifname != <OWN> oifname <OWN> counter drop
          }
          # A peer reaches instances, not the host: but for replies, measuring the distance, and the gateway's management.
          chain inside {
            type filter hook input priority 0
            iifname != <VXLAN> accept
            ct state established,related accept
            <ECHO> <IP> daddr <BRIDGE> accept
            <MANAGEMENT>
            counter drop
          }
          chain post {
            type nat hook postrouting priority 100
            ct status dnat ct original <IP> daddr <SERVICES> snat to <IP> saddr map @inst
            ct status dnat ct original <IP> daddr <SERVICES> <IP> saddr != <INNER> snat to <BRIDGE>
            ct mark <EXPOSEDMARK> snat to <BRIDGE>
            # An instance that reaches one of this worker through a mapped port, maybe itself.
            ct status dnat <IP> saddr <SUBNET> oifname <INSTANCES> ct original <IP> daddr != <INNER> snat to <BRIDGE>
            <IP> saddr <SUBNET> oifname != <OWN> oifname != "lo" masquerade
          }
          chain stamp {
            type filter hook postrouting priority 110
            ct status dnat ct state new ct mark set <IP> daddr map @imark
            oifname <VXLAN> meta mark & <KINDMASK> == <GATEWAYMARK> meta mark set 0
          }

        """;
}
