package kernfs

import "math"

// Field cuts the first word off a line: the bytes up to the next blank, and what
// follows. It is empty at the end of the line. Nothing is copied.
func Field(line []byte) (field, rest []byte) {
	start := 0
	for start < len(line) && blank(line[start]) {
		start++
	}
	end := start
	for end < len(line) && !blank(line[end]) {
		end++
	}
	return line[start:end], line[end:]
}

func blank(c byte) bool {
	return c == ' ' || c == '\t' || c == '\n' || c == '\r'
}

// ParseUint reads a decimal number without allocating; ok is false for anything
// that is not wholly a number or does not fit.
func ParseUint(text []byte) (value uint64, ok bool) {
	if len(text) == 0 {
		return 0, false
	}
	for _, c := range text {
		digit := uint64(c - '0')
		if digit > 9 || value > (math.MaxUint64-digit)/10 {
			return 0, false
		}
		value = value*10 + digit
	}
	return value, true
}

// ParseHex reads a hexadecimal number of at most 16 digits, without a prefix and
// without allocating; ok is false for anything else.
func ParseHex(text []byte) (value uint64, ok bool) {
	if len(text) == 0 || len(text) > 16 {
		return 0, false
	}
	for _, c := range text {
		digit, ok := hexDigit(c)
		if !ok {
			return 0, false
		}
		value = value<<4 | uint64(digit)
	}
	return value, true
}

func hexDigit(c byte) (byte, bool) {
	switch {
	case '0' <= c && c <= '9':
		return c - '0', true
	case 'a' <= c && c <= 'f':
		return c - 'a' + 10, true
	case 'A' <= c && c <= 'F':
		return c - 'A' + 10, true
	}
	return 0, false
}
