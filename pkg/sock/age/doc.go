// Package age says what is proven about how old a connection is, without waiting
// and without rights. The kernel keeps no birth time; two kinds of evidence stand in:
//
//   - TCP_INFO tells how long nothing was sent or received, and how long there was
//     data to send: the connection is at least as old ([OfTCPInfo]).
//   - The socket cookie, unique for the time a host is up, was seen in an earlier
//     run: the connection is at least as old as that ([Book]). One that an earlier
//     complete run did not see is younger.
//
// Whatever is not proven stays open: an [Age] is a range. All times count from
// boot, suspend included (CLOCK_BOOTTIME), so that setting the clock changes
// nothing.
//
// The package is pure: it is given sockets, times and bytes.
package age
