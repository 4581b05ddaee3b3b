package sockdiag

import (
	"context"
	"time"
)

// watch makes a dump end when ctx does, and opens the netlink socket if there
// is none. The function that it returns ends the watch.
func (c *Conn) watch(ctx context.Context) (stop func() error, err error) {
	if c.link == nil {
		if c.link, err = c.dial(); err != nil {
			return nil, &OpError{Op: "dial", Err: err}
		}
	}
	if ctx.Done() == nil {
		return func() error { return nil }, nil
	}
	link, ended := c.link, make(chan struct{})
	cancel := context.AfterFunc(ctx, func() {
		defer close(ended)
		// A failure shows when the dump looks at ctx itself.
		_ = link.setDeadline(time.Unix(1, 0))
	})
	return func() error {
		if cancel() {
			return nil
		}
		<-ended
		return link.setDeadline(time.Time{})
	}, nil
}
