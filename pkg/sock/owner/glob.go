package owner

// Match reports whether name matches a shell pattern: "*" is any bytes, "/"
// included, "?" is one byte, "[a-z]" and "[!a-z]" one of a set, and a backslash
// takes the meaning from the next byte. A set that is not closed is the byte "[".
// This is fnmatch(3) without flags, which ss(8) uses for the paths of unix sockets.
func Match(pattern, name string) bool {
	// After a mismatch the last "*" takes one byte more; earlier ones need not be
	// tried again.
	star, resume := -1, 0
	p, n := 0, 0
	for n < len(name) {
		if p < len(pattern) && pattern[p] == '*' {
			star, resume = p, n
			p++
			continue
		}
		if size, ok := matchOne(pattern[p:], name[n]); ok {
			p += size
			n++
			continue
		}
		if star < 0 {
			return false
		}
		resume++
		p, n = star+1, resume
	}
	for p < len(pattern) && pattern[p] == '*' {
		p++
	}
	return p == len(pattern)
}

// IsGlob reports whether a pattern can match anything but itself.
func IsGlob(pattern string) bool {
	for i := range len(pattern) {
		switch pattern[i] {
		case '*', '?', '[', '\\':
			return true
		}
	}
	return false
}

// matchOne matches a byte with what stands at the beginning of the pattern, and
// returns the length of that.
func matchOne(pattern string, b byte) (size int, ok bool) {
	if pattern == "" {
		return 0, false
	}
	switch pattern[0] {
	case '?':
		return 1, true
	case '[':
		if size, ok := matchSet(pattern, b); size > 0 {
			return size, ok
		}
	case '\\':
		if len(pattern) > 1 {
			return 2, pattern[1] == b
		}
	}
	return 1, pattern[0] == b
}

// matchSet matches a byte with a set such as [a-z]. Its size is 0 when it is not
// closed.
func matchSet(pattern string, b byte) (size int, ok bool) {
	i := 1
	negated := i < len(pattern) && (pattern[i] == '!' || pattern[i] == '^')
	if negated {
		i++
	}
	found := false
	for first := i; i < len(pattern); {
		if pattern[i] == ']' && i > first {
			return i + 1, found != negated
		}
		low := pattern[i]
		high := low
		i++
		if i+1 < len(pattern) && pattern[i] == '-' && pattern[i+1] != ']' {
			high = pattern[i+1]
			i += 2
		}
		found = found || low <= b && b <= high
	}
	return 0, false
}
