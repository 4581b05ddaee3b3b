package kernfs

import "bytes"

// maxTable bounds a table of counters; the largest known has about 5 KiB.
const maxTable = 256 << 10

// Counters is one file of named numbers in groups, such as Tcp and CurrEstab.
// It keeps the file's text and looks a name up when asked: a run wants a handful
// out of hundreds.
type Counters struct {
	data []byte
	find func(data []byte, group, name string) (value []byte)
}

// Uint is the number of that name in that group; ok is false where this kernel
// has none, or one below zero.
func (c Counters) Uint(group, name string) (value uint64, ok bool) {
	if c.find == nil {
		return 0, false
	}
	return ParseUint(c.find(c.data, group, name))
}

// ParseTable reads the two-line form, which holds names in one line and the
// numbers in the next:
//
//	Tcp: RtoAlgorithm RtoMin RtoMax MaxConn ActiveOpens
//	Tcp: 1 200 120000 -1 22
//
// The result keeps data. Lines that do not pair are [ErrFormat].
func ParseTable(data []byte) (Counters, error) {
	for rest := data; len(rest) > 0; {
		var names, values []byte
		names, rest = cutLine(rest)
		values, rest = cutLine(rest)
		if !pair(names, values) {
			return Counters{}, ErrFormat
		}
	}
	return Counters{data: data, find: findTable}, nil
}

// pair reports whether two lines have the same group and as many names as numbers.
func pair(names, values []byte) bool {
	group, names := Field(names)
	same, values := Field(values)
	if !bytes.HasSuffix(group, []byte(":")) || !bytes.Equal(group, same) {
		return false
	}
	for {
		var name, value []byte
		name, names = Field(names)
		value, values = Field(values)
		if len(name) == 0 || len(value) == 0 {
			return len(name) == len(value)
		}
		if !isNumber(value) {
			return false
		}
	}
}

func findTable(data []byte, group, name string) []byte {
	for len(data) > 0 {
		var names, values []byte
		names, data = cutLine(data)
		values, data = cutLine(data)
		if !isGroup(names, group) {
			continue
		}
		for field, rest := Field(names); len(field) > 0; field, rest = Field(rest) {
			var value []byte
			value, values = Field(values)
			if string(field) == name {
				return value
			}
		}
	}
	return nil
}

// ParseSockstat reads the form that holds names and numbers by turns:
//
//	TCP: inuse 27 orphan 1 tw 4 alloc 29 mem 3
//
// The result keeps data. A line without a group or with a name that has no
// number is [ErrFormat].
func ParseSockstat(data []byte) (Counters, error) {
	for rest := data; len(rest) > 0; {
		var line []byte
		line, rest = cutLine(rest)
		group, line := Field(line)
		if !bytes.HasSuffix(group, []byte(":")) {
			return Counters{}, ErrFormat
		}
		for name, line := Field(line); len(name) > 0; name, line = Field(line) {
			var value []byte
			if value, line = Field(line); !isNumber(value) {
				return Counters{}, ErrFormat
			}
		}
	}
	return Counters{data: data, find: findSockstat}, nil
}

func findSockstat(data []byte, group, name string) []byte {
	for len(data) > 0 {
		var line []byte
		line, data = cutLine(data)
		if !isGroup(line, group) {
			continue
		}
		_, line = Field(line)
		for field, rest := Field(line); len(field) > 0; field, rest = Field(rest) {
			var value []byte
			value, rest = Field(rest)
			if string(field) == name {
				return value
			}
		}
	}
	return nil
}

func isGroup(line []byte, group string) bool {
	field, _ := Field(line)
	return len(field) == len(group)+1 && string(field[:len(group)]) == group
}

func isNumber(text []byte) bool {
	_, ok := ParseUint(bytes.TrimPrefix(text, []byte("-")))
	return ok
}

func cutLine(data []byte) (line, rest []byte) {
	line, rest, _ = bytes.Cut(data, []byte("\n"))
	return line, rest
}
