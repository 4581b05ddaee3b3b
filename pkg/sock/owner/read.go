package owner

import (
	"errors"
	"io"
	"os"
)

// readStart reads at most n bytes from the beginning of a file.
func readStart(path string, n int) ([]byte, error) {
	file, err := os.Open(path)
	if err != nil {
		return nil, err
	}
	defer file.Close()
	data := make([]byte, n)
	read, err := io.ReadFull(file, data)
	if errors.Is(err, io.EOF) || errors.Is(err, io.ErrUnexpectedEOF) {
		err = nil
	}
	return data[:read], err
}
