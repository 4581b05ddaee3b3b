// Package procnet lists sockets from the text tables in /proc/net. They need no
// rights and no kernel module, but tell less than netlink and cost the kernel
// about ten times as much: use them where sock_diag is missing, or to compare.
//
// What the tables do not tell (see [Decides]) is never guessed: a filter that
// asks for it is a [sock.UndecidableError] before the first row.
//
// The kernel walks its tables while it is read, in portions of a page, and finds
// its way back to the place by counting: sockets that come and go meanwhile can
// be missed or shown twice. A listing is no snapshot.
//
// The tables are read below a directory. [kernfs.FS.NetDir] and
// [kernfs.FS.NetDirOf] know the ones of the running kernel; the namespace is that
// of the thread which opens the files.
package procnet
