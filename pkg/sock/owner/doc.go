// Package owner finds out who holds a socket: the processes that have it open,
// the user it belongs to and the cgroup it was made in.
//
// The kernel's socket table knows users and cgroups, but no processes. Those are
// found by walking the open descriptors of every process, about 5 us each, and
// only those of processes which the caller may trace (its own, or all with
// CAP_SYS_PTRACE). So the walk gets the sockets first and stops when all of them
// are found, and what it could not look into is told apart from what nobody
// holds: see [Owners.Lookup].
//
// Descriptors are taken from processes, not from single threads: a thread that
// has left its process's descriptor table (CLONE_FILES) is not seen.
//
// Kernel: fs/proc/fd.c; Documentation/filesystems/proc.rst.
package owner
