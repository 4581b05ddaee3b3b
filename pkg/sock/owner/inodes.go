package owner

import "slices"

// Inodes is a set of sockets, by the inode number that the socket table shows.
// The zero value is empty. It takes 8 bytes a socket.
type Inodes struct {
	list   []uint64
	sorted bool
}

// Add puts a socket into the set. Zero, which is the inode of a socket that no
// process can hold, is left out.
func (s *Inodes) Add(inode uint64) {
	if inode == 0 {
		return
	}
	s.list = append(s.list, inode)
	s.sorted = false
}

// Len is the number of sockets in the set.
func (s *Inodes) Len() int {
	s.sort()
	return len(s.list)
}

// index is the place of a socket in the sorted list, -1 for one not in the set.
func (s *Inodes) index(inode uint64) int {
	s.sort()
	if i, ok := slices.BinarySearch(s.list, inode); ok {
		return i
	}
	return -1
}

func (s *Inodes) sort() {
	if s.sorted {
		return
	}
	slices.Sort(s.list)
	s.list = slices.Compact(s.list)
	s.sorted = true
}
