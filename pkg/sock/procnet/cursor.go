package procnet

// A cursor reads a line from left to right. After the first thing that is not as
// expected it stays failed, so that a parser checks once, at the end.
type cursor struct {
	rest    []byte
	problem string
	// skip tells that the line is good but not to be delivered.
	skip bool
}

func (c *cursor) fail(problem string) {
	if c.problem == "" {
		c.problem = problem
	}
	c.rest = nil
}

func (c *cursor) blanks() {
	i := 0
	for i < len(c.rest) && (c.rest[i] == ' ' || c.rest[i] == '\t') {
		i++
	}
	c.rest = c.rest[i:]
}

// sign expects one byte.
func (c *cursor) sign(want byte, problem string) {
	if len(c.rest) == 0 || c.rest[0] != want {
		c.fail(problem)
		return
	}
	c.rest = c.rest[1:]
}

// hex reads a number of 1 to 16 digits.
func (c *cursor) hex(problem string) uint64 {
	value, i := uint64(0), 0
	for ; i < len(c.rest) && i < 16; i++ {
		digit := hexValue(c.rest[i])
		if digit > 15 {
			break
		}
		value = value<<4 | uint64(digit)
	}
	if i == 0 {
		c.fail(problem)
		return 0
	}
	c.rest = c.rest[i:]
	return value
}

// fixedHex reads a number of exactly n digits, at most 8.
func (c *cursor) fixedHex(n int, problem string) uint32 {
	if len(c.rest) < n {
		c.fail(problem)
		return 0
	}
	value := uint32(0)
	for _, b := range c.rest[:n] {
		digit := hexValue(b)
		if digit > 15 {
			c.fail(problem)
			return 0
		}
		value = value<<4 | uint32(digit)
	}
	c.rest = c.rest[n:]
	return value
}

// word32 reads the 8 digits of a 32-bit number.
func (c *cursor) word32(problem string) uint32 { return c.fixedHex(8, problem) }

// decimal reads a number after any blanks. It must not exceed limit.
func (c *cursor) decimal(limit uint64, problem string) uint64 {
	c.blanks()
	value, i := uint64(0), 0
	for ; i < len(c.rest); i++ {
		digit := uint64(c.rest[i] - '0')
		if digit > 9 {
			break
		}
		if digit > limit || value > (limit-digit)/10 {
			c.fail(problem)
			return 0
		}
		value = value*10 + digit
	}
	if i == 0 {
		c.fail(problem)
		return 0
	}
	c.rest = c.rest[i:]
	return value
}

// word reads the bytes up to the next blank, after any blanks.
func (c *cursor) word(problem string) []byte {
	c.blanks()
	i := 0
	for i < len(c.rest) && c.rest[i] != ' ' && c.rest[i] != '\t' {
		i++
	}
	if i == 0 {
		c.fail(problem)
		return nil
	}
	word := c.rest[:i]
	c.rest = c.rest[i:]
	return word
}

// notHex is the value of a byte that is no digit.
const notHex = 255

func hexValue(b byte) byte {
	switch {
	case b-'0' <= 9:
		return b - '0'
	case b-'A' <= 5:
		return b - 'A' + 10
	case b-'a' <= 5:
		return b - 'a' + 10
	}
	return notHex
}
