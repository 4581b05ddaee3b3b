// Package scan is the front of socket enumeration that plugins use: it takes a
// Query and plans which source answers it, with which walks over the kernel's
// tables, what the kernel decides and what is left to match here.
package scan
