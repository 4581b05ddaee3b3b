package munin

import "strings"

// Autoconf answers munin-node-configure whether the plugin works here: "yes",
// or "no" with the reason, in exactly one line.
func Autoconf(err error) []byte {
	if err == nil {
		return []byte("yes\n")
	}
	return []byte("no (" + sentence(err.Error()) + ")\n")
}

// Suggest lists suffixes that make sense on this host, one a line. What
// munin-node-configure would refuse is left out.
func Suggest(suffixes []string) []byte {
	var b []byte
	for _, suffix := range suffixes {
		if isService(suffix) {
			b = append(append(b, suffix...), '\n')
		}
	}
	return b
}

// isService reports whether munin-node takes a name: ^[-\w.:]+$ in ASCII.
func isService(name string) bool {
	for i := range len(name) {
		if !isServiceByte(name[i]) {
			return false
		}
	}
	return name != ""
}

func isServiceByte(c byte) bool {
	return c >= 'a' && c <= 'z' || c >= 'A' && c <= 'Z' || c >= '0' && c <= '9' || strings.IndexByte("-_.:", c) >= 0
}
