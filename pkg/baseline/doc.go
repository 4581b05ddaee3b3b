// Package baseline is the text file that says what is expected to listen on a
// host, which people write, read and keep under version control:
//
//	# the web server
//	tcp 0.0.0.0:443 nginx   # comment
//	tcp *:8000-8080 app-*
//	udp 127.0.0.53:53 systemd-resolved
//
// A line is a protocol, an address and port, and the programs that may hold the
// socket; never a process id, so that a restart changes nothing. What a line
// cannot be read for is a [Problem] with its line and column, and all other lines
// still count.
//
// [Parse] reads a file, [Compare] holds it against what listens, and [File.Merge]
// brings it up to date and keeps every comment. The package reads and writes
// nothing by itself.
package baseline
