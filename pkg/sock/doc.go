// Package sock is the vocabulary of the socket table: what a socket is, the
// states it can be in and the names ss(8) and RFC 9293 give them.
//
// The package is pure. It reads nothing and imports nothing else of this
// module; the sources (sockdiag, procnet) produce its Socket, the filter
// language matches it, and the plugins count it.
package sock
