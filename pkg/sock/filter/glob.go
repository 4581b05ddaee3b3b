package filter

// matchGlob reports whether name matches pattern as fnmatch(3) with
// FNM_CASEFOLD and nothing else has it: * and ? match any byte, slashes too.
func matchGlob(pattern, name string) bool {
	var p, n int
	star, mark := -1, 0
	for n < len(name) || p < len(pattern) {
		if p < len(pattern) && pattern[p] == '*' {
			star, mark = p, n
			p++
			continue
		}
		if n < len(name) && p < len(pattern) {
			if next, ok := matchByte(pattern, p, name[n]); ok {
				p, n = next, n+1
				continue
			}
		}
		if star < 0 || mark >= len(name) {
			return false
		}
		mark++
		p, n = star+1, mark
	}
	return true
}

// matchByte matches one byte against the element of pattern at p and returns
// where the next element begins.
func matchByte(pattern string, p int, c byte) (int, bool) {
	switch pattern[p] {
	case '?':
		return p + 1, true
	case '[':
		if end, ok, valid := matchSet(pattern, p, c); valid {
			return end, ok
		}
	case '\\':
		if p+1 < len(pattern) {
			p++
		} else {
			return p, false // a lone backslash at the end matches nothing
		}
	}
	return p + 1, lower(pattern[p]) == lower(c)
}

// matchSet matches c against the bracket expression that begins at p. Without
// a closing bracket it is not valid, and [ stands for itself.
func matchSet(pattern string, p int, c byte) (end int, match, valid bool) {
	i := p + 1
	negated := i < len(pattern) && (pattern[i] == '!' || pattern[i] == '^')
	if negated {
		i++
	}
	for first := true; i < len(pattern); first = false {
		if pattern[i] == ']' && !first {
			return i + 1, match != negated, true
		}
		if name, next, ok := className(pattern, i); ok {
			match = match || inClass(name, c)
			i = next
			continue
		}
		low, next, ok := setByte(pattern, i)
		if !ok {
			return 0, false, false
		}
		i = next
		high := low
		if i+1 < len(pattern) && pattern[i] == '-' && pattern[i+1] != ']' {
			if high, i, ok = setByte(pattern, i+1); !ok {
				return 0, false, false
			}
		}
		match = match || inRange(low, high, c)
	}
	return 0, false, false
}

func setByte(pattern string, i int) (c byte, next int, ok bool) {
	if pattern[i] == '\\' {
		i++
	}
	if i >= len(pattern) {
		return 0, i, false
	}
	return pattern[i], i + 1, true
}

func inRange(low, high, c byte) bool {
	c, low, high = lower(c), lower(low), lower(high)
	return low <= c && c <= high
}

// className returns the name of the class [:name:] at i.
func className(pattern string, i int) (name string, next int, ok bool) {
	if i+1 >= len(pattern) || pattern[i] != '[' || pattern[i+1] != ':' {
		return "", 0, false
	}
	for j := i + 2; j+1 < len(pattern); j++ {
		if pattern[j] == ':' && pattern[j+1] == ']' {
			return pattern[i+2 : j], j + 2, true
		}
	}
	return "", 0, false
}

func inClass(name string, c byte) bool {
	letter := lower(c) >= 'a' && lower(c) <= 'z'
	digit := c >= '0' && c <= '9'
	switch name {
	case "alpha", "lower", "upper": // the case is folded
		return letter
	case "digit":
		return digit
	case "alnum":
		return letter || digit
	case "xdigit":
		return digit || lower(c) >= 'a' && lower(c) <= 'f'
	case "space":
		return c == ' ' || c >= '\t' && c <= '\r'
	case "blank":
		return c == ' ' || c == '\t'
	case "cntrl":
		return c < ' ' || c == 0x7f
	case "print":
		return c >= ' ' && c < 0x7f
	case "graph":
		return c > ' ' && c < 0x7f
	case "punct":
		return c > ' ' && c < 0x7f && !letter && !digit
	default:
		return false
	}
}

func lower(c byte) byte {
	if c >= 'A' && c <= 'Z' {
		return c + 'a' - 'A'
	}
	return c
}
