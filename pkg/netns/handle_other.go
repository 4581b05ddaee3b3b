//go:build !linux

package netns

// Open is not supported here: only Linux has network namespaces.
func (r Ref) Open(string) (*Handle, error) {
	return nil, &Error{Op: "open", Ref: r, Err: notLinux}
}

// Current is not supported here.
func Current() (ID, error) { return ID{}, &Error{Op: "open", Err: notLinux} }

// Close does nothing here.
func (h *Handle) Close() error { return nil }

// Do is not supported here.
func (h *Handle) Do(func() error) error {
	return &Error{Op: "enter", Ref: h.ref, Err: notLinux}
}

// Cookie is not supported here.
func Cookie() (uint64, error) { return 0, notLinux }

var notLinux error = &unsupported{"a network namespace", "Linux"}
