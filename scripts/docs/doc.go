// Package docs makes the pictures of the README: real graphs, drawn by the
// real munin-graph from what the plugins said of a real load.
package docs
