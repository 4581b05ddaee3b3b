//go:build !linux

package netns

// Open is not supported here: only Linux has network namespaces.
func (r Ref) Open(string) (*Handle, error) {
	return nil, &Error{Op: "open", Ref: r, Err: errNotLinux}
}

// Current is not supported here.
func Current() (ID, error) { return ID{}, &Error{Op: "open", Err: errNotLinux} }

// Close does nothing here.
func (h *Handle) Close() error { return nil }

// Do is not supported here.
func (h *Handle) Do(func() error) error {
	return &Error{Op: "enter", Ref: h.ref, Err: errNotLinux}
}

// Forbidden is not supported here.
func (h *Handle) Forbidden(err error) error {
	return &Error{Op: "enter", Ref: h.ref, Err: err}
}

// Cookie is not supported here.
func Cookie() (uint64, error) { return 0, errNotLinux }

var errNotLinux error = &unsupported{"a network namespace", "Linux"}
