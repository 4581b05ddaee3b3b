// Package history keeps what package opens counts over time: connections per port,
// direction and peer in steps of five minutes, after two days in hours, in an SQLite
// database with a bound.
//
// There is one writer, [DB.Record], which is handed samples of the kernel's
// counters. The last sample's counts lie in the same database and change in the same
// transaction as the history, so that a step that is repeated, interrupted or run
// twice at once counts nothing twice and loses nothing. Everybody may read: the
// journal is a rollback journal, because a reader of a WAL database would have to
// write.
//
// The time of day comes with the samples. How long a step was is taken from the
// clock that nobody sets, so a jump of the other one moves the next rows and changes
// no number.
//
// Format: https://www.sqlite.org/fileformat2.html
package history
