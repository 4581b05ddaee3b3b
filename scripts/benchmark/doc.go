// Command benchmark compares the plugins with the commands that people use
// instead of them, on real TCP connections in network namespaces of its own.
//
// Every size gets a fresh namespace with an established hash of its own, because
// the host's is shared by all namespaces that have none, and everything that is
// in it slows every walk. Some holder processes open the connections over the
// loopback interface and keep them. Then the sides of each comparison run in
// turn (A B A B ...), as whole processes: fork, exec, wait. The time ratio is the
// median of the rounds' ratios, so that whatever else the machine does meets both
// sides. Every answer is compared with the number of sockets that were opened; a
// wrong answer is an error, not a measurement.
//
// It needs root: CAP_SYS_ADMIN for the namespaces, and the right to raise
// RLIMIT_NOFILE. Nothing outlives it: the holders end when it does, and the
// namespaces with them. The host's own namespace and settings are not touched.
package main
