// Package state is what a plugin remembers between runs: where, under which lock,
// and how it notices that what it reads is not what it wrote.
//
// A [Store] is one file of bounded size. [Store.Update] reads it, has it changed
// and replaces it, all under a lock, so that runs that overlap lose nothing. The
// new file is complete on disk before it takes the old one's name: a full disk or
// a crash leaves the last good one. Whatever is found there and was not written
// by this format (cut short, flipped bits, another plugin's, another user's, a
// link) is [ErrBroken] with the reason, and the next write replaces it.
//
// Plugins run as root too, in directories where others may write. So nothing is
// followed, nothing but a regular file that is ours is read, and a directory that
// everybody can rearrange is refused. There is no default below /tmp.
//
// Files that are named for a question, PREFIX.HASH, are removed when nobody has
// written them for 30 days: a few at a time, whenever a new one is made.
//
// [Counters] builds on it: how fast numbers rise that only ever rise.
package state
