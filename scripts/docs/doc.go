// Package docs proves what the READMEs say, and makes their pictures.
//
// Every command in a README, in a block of code or between words, is run as it
// stands there, in a host of the test's own: a mount namespace where "make
// install" has happened, over a network namespace with a small population of
// connections. A line with "# " before it is run as root, one with "$ " as an
// ordinary user, nagios. What a README shows below a command has to have the shape
// of what the command prints. A line in a block of code that the test does not
// understand fails it; exceptions_test.go lists what is run in a harmless form,
// and why.
//
// The pictures are real graphs, drawn by the real munin-graph from what the
// plugins said of a real load.
package docs
