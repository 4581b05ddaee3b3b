package filter

import "strconv"

// number reads an unsigned number as C writes it: 0x for hexadecimal, a
// leading 0 for octal. ok is false for anything else, overflow included.
func number(text string, bits int) (n uint64, ok bool) {
	base := 10
	switch {
	case len(text) > 2 && text[0] == '0' && lower(text[1]) == 'x':
		base, text = 16, text[2:]
	case len(text) > 1 && text[0] == '0':
		base, text = 8, text[1:]
	}
	if text == "" || text[0] == '+' {
		return 0, false
	}
	n, err := strconv.ParseUint(text, base, bits)
	return n, err == nil
}
