// Package filter is the filter language of ss(8): it parses, prints and
// matches expressions such as
//
//	state established ( sport = :443 or sport = :80 ) and not dst 10/8
//
// The package is pure: names of services, hosts, interfaces and control groups
// come from a Resolver, and it knows no source of sockets. Package sockdiag
// compiles the expressions for the kernel.
//
// # Language
//
//	FILTER    := { state STATE | exclude STATE } [ EXPR ]
//	EXPR      := TERM { [ and | or ] TERM }
//	TERM      := ( EXPR ) | not TERM | PREDICATE
//	PREDICATE := {src|dst} [OP] [FAMILY:]HOST[/LEN][:PORT]
//	           | {sport|dport} [OP] [FAMILY:][:]PORT
//	           | dev [OP] NAME|INDEX | fwmark [OP] VALUE[/MASK]
//	           | cgroup [OP] PATH | uid [OP] NUMBER | autobound
//	OP        := = == eq | != ne neq | < lt | <= le leq | > gt | >= ge geq
//
// "and" is also & and &&, "or" also | and ||, "not" also !, and ( and ) are also
// begin and end, for places where parentheses may not be written. Where no
// operator stands between two terms, "and" is meant. Order (< <= > >=) is for ports
// alone. FAMILY is inet, inet6, unix or link.
//
// As in the program ss, and unlike what its manual page says, "and" and "or"
// bind equally and from the left: a or b and c is (a or b) and c. Printed
// expressions have parentheses wherever the difference could matter.
//
// Numbers are written as in C: 0x for hexadecimal, a leading 0 for octal. An
// IPv4 address may be cut short after any part: 193.233.7/24 is
// 193.233.7.0/24. The wildcard * stands for any address or any port, and so do
// the names any, all and default for an address. A backslash takes the next
// byte as it is, so that a path can hold blanks.
//
// Beyond ss 6.1: IPv6 addresses need no brackets, parentheses and operators
// need no blanks around them, begin and end, "!=" after src and dst, and the
// predicate uid. An IPv6 address without brackets has a port where nothing else
// can be meant: 2001:db8::1:https, ::ffff:10.0.0.1:80, 2001:db8::/32:80. What
// may be an address as a whole, and an address and a port to ss, such as
// 2001:db8::1:80, is an error: [2001:db8::1:80] or [2001:db8::1]:80 is meant.
// With a length behind it, 2001:db8::1:80/64, it is an address, to ss too.
//
// # Addresses
//
// The kernel keeps an IPv4 connection of an AF_INET6 socket with addresses
// such as ::ffff:10.0.0.1. As in the kernel (net/ipv4/inet_diag.c), an IPv4
// prefix matches those too, 0.0.0.0/0 included; an IPv6 prefix, ::/0 and
// ::ffff:0:0/96 included, matches the addresses of AF_INET6 sockets bit by
// bit, those mapped ones among them, and never an AF_INET socket.
//
// A FAMILY of inet or inet6 tells the kernel's address family of the socket
// (inet leaves the mapped ones out) and, as in ss, holds for the whole filter.
// A filter that names both is one that ss does not understand; then each holds
// for the predicate that it stands in.
package filter
