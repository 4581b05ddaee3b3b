package state

import (
	"bytes"
	"hash/crc32"
	"strconv"
	"strings"

	"github.com/sockcensus/sockcensus/pkg/quote"
)

// A state file is one line of text and then the content, whatever it is:
//
//	sockcensus-state 1 FORMAT BOOTID LENGTH CRC32C
//
// The checksum covers the line up to it and the content. A reader writes the line
// anew from what it found and compares, so that there is one way to write it.
const (
	magic   = "sockcensus-state 1 "
	noBoot  = "-"
	maxLine = len(magic) + 3*64
)

// validWord reports whether text can stand in the first line: a format's or a
// boot's name.
func validWord(text string) bool {
	return text != "" && len(text) <= 48 &&
		strings.Trim(text, "abcdefghijklmnopqrstuvwxyz0123456789-") == ""
}

// encode puts the first line before content. boot may be empty.
func encode(format, boot string, content []byte) []byte {
	b := make([]byte, 0, maxLine+len(content))
	return append(appendLine(b, format, boot, content), content...)
}

// appendLine writes the first line to b, which is empty.
func appendLine(b []byte, format, boot string, content []byte) []byte {
	if boot == "" {
		boot = noBoot
	}
	b = append(b, magic...)
	b = append(b, format...)
	b = append(b, ' ')
	b = append(b, boot...)
	b = append(b, ' ')
	b = strconv.AppendInt(b, int64(len(content)), 10)
	b = append(b, ' ')
	table := crc32.MakeTable(crc32.Castagnoli)
	sum := crc32.Update(crc32.Checksum(b, table), table, content)
	b = strconv.AppendUint(b, uint64(sum), 16)
	return append(b, '\n')
}

// decode takes a state file apart. reason is empty when it is a good one.
func decode(format string, data []byte) (content []byte, boot, reason string) {
	if len(data) == 0 {
		return nil, "", "it is empty"
	}
	line, content, complete := bytes.Cut(data, []byte("\n"))
	if !bytes.HasPrefix(line, []byte(magic)) {
		return nil, "", "it was not written by this program, or by another version of it"
	}
	words := strings.Split(string(line[len(magic):min(len(line), maxLine)]), " ")
	if !complete || len(words) != 4 || !validWord(words[1]) {
		return nil, "", "its first line is damaged"
	}
	if words[0] != format {
		return nil, "", "it remembers something else (" + quote.Text(words[0]) + ", not " + quote.Text(format) + ")"
	}
	if length, err := strconv.Atoi(words[2]); err == nil && length > len(content) {
		return nil, "", "it was cut short"
	}
	boot = words[1]
	if boot == noBoot {
		boot = ""
	}
	if !bytes.Equal(appendLine(nil, format, boot, content), data[:len(data)-len(content)]) {
		return nil, "", "its checksum is wrong"
	}
	return content, boot, ""
}
