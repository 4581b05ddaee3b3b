// Package table writes rows for people and scripts: aligned columns, one JSON
// document, or CSV. Rows are printed while they are made, through one buffer,
// so that a million of them need no more memory than a few hundred.
//
// Text in the rows may come from anybody who can name a process or a socket.
// Control characters and bytes that are no UTF-8 never reach the terminal: a
// table and CSV show them as \xHH, JSON by its own escapes.
package table
