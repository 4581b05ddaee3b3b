// Package netns finds other network namespaces and does things inside of them.
//
// A namespace is named as people name it: by the name that `ip netns` shows, by
// the id of a process in it, or by a path such as /proc/1/ns/net. To enter one
// takes CAP_SYS_ADMIN. To read the tables below /proc/PID/net of a process in it
// takes nothing, so a process id is worth having without rights too.
//
// Kernel: https://man7.org/linux/man-pages/man7/network_namespaces.7.html,
// https://man7.org/linux/man-pages/man2/setns.2.html
package netns
