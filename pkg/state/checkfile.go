package state

import (
	"fmt"
	"hash/fnv"
)

// CheckFile is the name of the file in which one check remembers counters: the
// prefix and a hash of the words that it was called with, less the first one.
// Checks that ask for other things, or run at other times, must not move the
// point to which each other's next run compares.
func CheckFile(prefix string, args []string) string {
	hash := fnv.New32a()
	for _, arg := range args[min(1, len(args)):] {
		hash.Write(append([]byte(arg), 0))
	}
	return fmt.Sprintf("%s.%08x", prefix, hash.Sum32())
}
