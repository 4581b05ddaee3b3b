// Package socktest helps to test what reads sockets: a network namespace of
// one's own, filled with sockets in every state that can be reached, a source
// that replays a list of sockets, and dumps captured from a kernel.
//
// It is for tests alone and imports nothing of this module but package sock.
package socktest
