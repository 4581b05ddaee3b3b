package plugin

import "fmt"

// A UsageError is a request that cannot be carried out as it was put. Its
// sentence quotes what was wrong and names what is allowed.
type UsageError struct {
	Sentence string
	Err      error
}

func (e *UsageError) Error() string { return e.Sentence }

// Unwrap returns the cause, if there is one.
func (e *UsageError) Unwrap() error { return e.Err }

// Usagef returns a UsageError with a formatted sentence.
func Usagef(format string, args ...any) error {
	err := fmt.Errorf(format, args...)
	return &UsageError{Sentence: err.Error(), Err: err}
}
