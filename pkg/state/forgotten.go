package state

import (
	"strings"
	"time"
)

// Forgotten is how long the file of a question may go unwritten before it is
// removed. A check has a file for each question that it is asked, PREFIX.HASH,
// and questions that nobody asks any more would fill the directory.
const Forgotten = 30 * 24 * time.Hour

// mostSwept bounds how many files one run removes, and mostListed how many
// names it looks at.
const (
	mostSwept  = 8
	mostListed = 10_000
)

// question takes the name of a question's file apart: 8 or 16 hexadecimal
// digits after a dot. Files of other names are nobody's to remove.
func question(name string) (prefix string, ok bool) {
	i := strings.LastIndexByte(name, '.')
	if i < 1 {
		return "", false
	}
	hash := name[i+1:]
	return name[:i], (len(hash) == 8 || len(hash) == 16) && strings.Trim(hash, "0123456789abcdef") == ""
}

// isSibling reports whether a file is that of another question to the same
// plugin.
func isSibling(name, other string) bool {
	prefix, ok := question(name)
	otherPrefix, otherOK := question(other)
	return ok && otherOK && prefix == otherPrefix && name != other
}
