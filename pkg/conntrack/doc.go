// Package conntrack reads the Linux connection-tracking table: its flows
// (conntrack -L), its fill (-C), its statistics (-S) and its events (-E).
//
// Two sources answer:
//
//   - /proc needs no privilege and knows how many entries there are, how many
//     there may be, and the counters: [ReadTable], [ReadStats], [Detect].
//   - ctnetlink, the netlink subsystem of the tracker, needs CAP_NET_ADMIN in
//     the user namespace that owns the network namespace, and knows each flow:
//     [Client].
//
// The table belongs to a network namespace. The tracker works in a namespace
// only after a rule there uses it (nftables "ct", iptables -m conntrack, NAT);
// before that the table is empty, which does not mean that there is no
// traffic. [Detect] tells these cases apart as far as the kernel shows them.
//
// # Memory
//
// [Client.Dump] and [Subscription.Receive] stream: one buffer and one [Flow]
// are reused for every entry, so memory does not grow with the table. The
// Flow handed to a callback is valid until the callback returns; Flow is a
// plain value, so keeping one is an assignment.
//
// # Kernel sources
//
// The wire format is that of include/uapi/linux/netfilter/nfnetlink_conntrack.h
// and net/netfilter/nf_conntrack_netlink.c; names of states, protocols and
// status bits are those of conntrack(8).
package conntrack
