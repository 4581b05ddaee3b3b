package kernfs

import "errors"

// What can be wrong with a file that could be opened. They come wrapped in a
// sentence that names the file.
var (
	// ErrTooLarge is a file or a line longer than the reader allows.
	ErrTooLarge = errors.New("larger than expected")
	// ErrFormat is a file that does not look the way the kernel writes it.
	ErrFormat = errors.New("not in the expected format")
)

// A FileError is a file whose content could not be used.
type FileError struct {
	Path string
	Err  error // ErrTooLarge, ErrFormat or what reading it failed with
}

func (e *FileError) Error() string { return e.Path + ": " + e.Err.Error() }

// Unwrap is for errors.Is and errors.As.
func (e *FileError) Unwrap() error { return e.Err }
