// Package opens counts every TCP connection as it opens, per port and peer, in
// the kernel: nothing is resident, and a connection that lives for a millisecond
// counts like one that lives for a day.
//
// Two methods count. [SockOps] is an eBPF program on the root of cgroup2 that the
// kernel calls at each completed handshake, incoming and outgoing; refused
// attempts and repeated SYNs do not count. [NFT] is a table of nftables that
// counts the SYN+ACKs that leave: incoming connections only, half-open ones too.
// [On] chooses by trying. Both keep one counter per port and peer in a table of a
// fixed size, and exact totals per port beside it: connections of a peer that
// found no room are counted as overflow of the port, so that
//
//	opens of a port = sum of its peers + overflow
//	opens of a namespace = sum of its ports + rest
//
// always hold.
//
// Switching on takes root once (CAP_BPF and CAP_NET_ADMIN, CAP_SYS_ADMIN to mount
// the file system of the pins). From then on any user reads the counters of
// SockOps with no right at all; where the kernel refuses that (before Linux 5.19),
// and for NFT, they read the [Sample] that a timer publishes.
//
// Times are nanoseconds since boot, suspend included (CLOCK_BOOTTIME): nobody sets
// that clock.
//
// Kernel: https://docs.kernel.org/bpf/map_hash.html,
// https://docs.kernel.org/bpf/libbpf/program_types.html (BPF_PROG_TYPE_SOCK_OPS),
// https://wiki.nftables.org/wiki-nftables/index.php/Updating_sets_from_the_packet_path
package opens
