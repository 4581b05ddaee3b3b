// Package kernfs reads what the kernel tells in text files: /proc and /sys,
// below roots that tests and containers can move.
//
// Reading and parsing are apart: every parser takes bytes or an [io.Reader].
// Every read is bounded, and the error of a missing file is the operating
// system's own, to be matched with [io/fs.ErrNotExist]: files come and go with
// kernel versions, modules and network namespaces, and what their absence means
// is for the caller to say.
//
// Format of the files: https://docs.kernel.org/filesystems/proc.html and
// https://docs.kernel.org/networking/snmp_counter.html
package kernfs
