// Package sockdiag lists sockets by NETLINK_SOCK_DIAG, the interface that
// ss(8) uses: exact, cheap, and open to every user.
//
// A Conn streams. It reads a dump into one buffer, decodes each row into one
// sock.Socket and keeps neither, so that memory is flat in the number of
// sockets. Both families of TCP come in one walk of the kernel's tables, one
// local and one peer port go into the request, and as much of a filter as the
// kernel can decide goes there as bytecode (see Compile).
//
// Any user may list sockets. Marks are told to, and filtered for, those with
// CAP_NET_ADMIN alone; looking into another network namespace takes
// CAP_SYS_ADMIN.
//
// A dump is never a snapshot: sockets that come or go while it runs may or may
// not appear in it.
//
// Kernel: net/core/sock_diag.c, net/ipv4/inet_diag.c, net/unix/diag.c,
// net/packet/diag.c; include/uapi/linux/{sock_diag,inet_diag,unix_diag,packet_diag}.h.
package sockdiag
