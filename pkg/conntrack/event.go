package conntrack

import (
	"context"
	"errors"
	"strconv"
	"time"
)

// An EventType says what happened to a flow. Types are bits, so that several
// make a set.
type EventType uint8

// Event types.
const (
	EventNew EventType = 1 << iota
	EventUpdate
	EventDestroy

	AllEvents = EventNew | EventUpdate | EventDestroy
)

// String is the type's name in lower case.
func (t EventType) String() string {
	switch t {
	case EventNew:
		return "new"
	case EventUpdate:
		return "update"
	case EventDestroy:
		return "destroy"
	}
	return ""
}

// An Event is a change of the table. A flow in an event has only what the
// event concerns: an update without a change of the TCP state has no State,
// and the kernel counts packets into destroy events alone.
type Event struct {
	Type EventType
	Time time.Time // the kernel's where it says so (Linux 6.14 with timestamps on), else of arrival
	Flow Flow
}

// A Loss says how many events the kernel could not deliver because the socket
// buffer was full. It counts events of every subscribed type, whatever the
// filter, since nobody has seen them.
type Loss struct {
	Overruns uint64 // how often it happened
	Events   uint64 // how many events were lost; exact, see EventsKnown

	EventsKnown bool // Linux 4.12
}

// A LossError reports a Loss as an error.
type LossError struct{ Loss }

// Error implements error.
func (e *LossError) Error() string {
	events := "an unknown number of"
	if e.EventsKnown {
		events = strconv.FormatUint(e.Events, 10)
	}
	return "lost " + events + " connection-tracking events because the receive buffer was full: raise the buffer or ask for fewer kinds of events"
}

// defaultEventBuffer holds about 50,000 events. The kernel takes the memory
// only while events wait.
const defaultEventBuffer = 64 << 20

// A SubscribeConfig says what a Subscription receives.
type SubscribeConfig struct {
	Types  EventType // the zero value is AllEvents
	Filter *Filter   // nil passes everything

	// Buffer is the size of the receive buffer in bytes; the zero value is
	// 64 MiB. Beyond net.core.rmem_max the kernel grants it to CAP_NET_ADMIN
	// of the initial user namespace only, and less otherwise.
	Buffer int

	// OnLoss is called, in the course of Receive, whenever events were lost.
	// An error ends Receive. nil carries on; Loss has the numbers.
	OnLoss func(Loss) error
}

// A Subscription receives events. The kernel queues them from the moment
// Subscribe returns.
//
// NETLINK_NO_ENOBUFS stays off, so that no loss is silent, and so does
// NETLINK_BROADCAST_ERROR: it makes the kernel deliver destroy events again,
// but not new ones, holds entries in the table while nobody reads, and spoils
// the count of lost events.
type Subscription struct {
	t        eventTransport
	config   SubscribeConfig
	buffer   int
	overruns uint64
	event    Event
}

// An eventTransport is a socket that multicast events arrive at.
type eventTransport interface {
	transport

	// join subscribes to a group of multicast messages, leave ends that.
	join(group uint32) error
	leave(group uint32) error

	// poll is receive without waiting: errEmpty says that nothing is queued.
	// It works after cancel.
	poll(b []byte) (int, error)

	// setBuffer asks for a receive buffer and returns the size granted.
	setBuffer(size int) (int, error)

	// dropped is how many messages did not fit into the buffer so far.
	dropped() (uint64, bool)
}

// Multicast groups (enum nfnetlink_groups).
const (
	groupNew     = 1
	groupUpdate  = 2
	groupDestroy = 3
)

// Subscribe starts to collect events. It needs CAP_NET_ADMIN.
func (c *Client) Subscribe(config SubscribeConfig) (*Subscription, error) {
	if config.Types == 0 {
		config.Types = AllEvents
	}
	if config.Buffer == 0 {
		config.Buffer = defaultEventBuffer
	}
	t, err := c.dial()
	if err != nil {
		return nil, explain("events", err)
	}
	events, ok := t.(eventTransport)
	if !ok {
		t.close()
		return nil, explain("events", ErrNotSupported)
	}
	s := &Subscription{t: events, config: config}
	if err := s.start(); err != nil {
		events.close()
		return nil, explain("events", err)
	}
	return s, nil
}

// start sizes the buffer before the first event can arrive.
func (s *Subscription) start() (err error) {
	if s.buffer, err = s.t.setBuffer(s.config.Buffer); err != nil {
		return err
	}
	return s.eachGroup(s.t.join)
}

// eachGroup calls fn with the group of every subscribed type.
func (s *Subscription) eachGroup(fn func(group uint32) error) error {
	groups := [...]uint32{groupNew, groupUpdate, groupDestroy}
	for i, typ := range [...]EventType{EventNew, EventUpdate, EventDestroy} {
		if s.config.Types&typ == 0 {
			continue
		}
		if err := fn(groups[i]); err != nil {
			return err
		}
	}
	return nil
}

// Buffer is the size of the receive buffer that the kernel granted, in bytes.
func (s *Subscription) Buffer() int { return s.buffer }

// Close ends the subscription.
func (s *Subscription) Close() error { return s.t.close() }

// Overruns is how often events were lost until now; it asks nobody.
func (s *Subscription) Overruns() uint64 { return s.overruns }

// Loss is what was lost until now. There is an overrun wherever an event was
// lost, even if the kernel has not told of it yet.
func (s *Subscription) Loss() Loss {
	l := Loss{Overruns: s.overruns}
	l.Events, l.EventsKnown = s.t.dropped()
	if l.EventsKnown && l.Events > 0 {
		l.Overruns = max(l.Overruns, 1)
	}
	return l
}

// Receive calls fn with every event until the context ends, which is no error,
// or until fn or OnLoss returns one, which is returned as it is. The event is
// reused: fn copies what it keeps. After the context has ended Receive does no
// more; Drain has what is still queued.
func (s *Subscription) Receive(ctx context.Context, fn func(*Event) error) error {
	stop := context.AfterFunc(ctx, s.t.cancel)
	defer stop()
	buf := make([]byte, bufferSize)
	for ctx.Err() == nil {
		n, err := s.t.receive(buf)
		switch {
		case err == nil:
			if err := s.datagram(buf[:n], fn); err != nil {
				return err
			}
		case errors.Is(err, errOverrun): // the kernel says so once, in the last moment too
			if err := s.lose(); err != nil {
				return err
			}
		case ctx.Err() != nil:
			return nil
		default:
			return explain("events", err)
		}
	}
	return nil
}

// Leave asks the kernel to queue no more events. Those that are queued stay.
func (s *Subscription) Leave() error {
	if err := s.eachGroup(s.t.leave); err != nil {
		return explain("events", err)
	}
	return nil
}

// Drain calls fn with the events that are queued and waits for none. After
// Leave it is sure to end.
func (s *Subscription) Drain(fn func(*Event) error) error {
	buf := make([]byte, bufferSize)
	for {
		n, err := s.t.poll(buf)
		switch {
		case err == nil:
			err = s.datagram(buf[:n], fn)
		case errors.Is(err, errEmpty):
			return nil
		case errors.Is(err, errOverrun):
			err = s.lose()
		default:
			err = explain("events", err)
		}
		if err != nil {
			return err
		}
	}
}

// errEmpty says that no message is queued.
var errEmpty = errors.New("nothing queued")

// errOverrun says that messages did not fit into the receive buffer.
var errOverrun = errors.New("receive buffer overrun")

func (s *Subscription) lose() error {
	s.overruns++
	if s.config.OnLoss == nil {
		return nil
	}
	return s.config.OnLoss(s.Loss())
}

func (s *Subscription) datagram(b []byte, fn func(*Event) error) error {
	for len(b) > 0 {
		var m message
		var err error
		m, b, err = nextMessage(b)
		if err != nil {
			return err
		}
		if err := s.message(m, fn); err != nil {
			return err
		}
	}
	return nil
}

func (s *Subscription) message(m message, fn func(*Event) error) error {
	typ := eventType(m)
	if s.config.Types&typ == 0 {
		return nil
	}
	family, _, attrs, err := m.payload()
	if err != nil {
		return err
	}
	happened, err := decodeFlow(&s.event.Flow, family, attrs)
	if err != nil {
		return err
	}
	if s.config.Filter != nil && !s.config.Filter.Match(&s.event.Flow) {
		return nil
	}
	if happened.IsZero() {
		happened = time.Now()
	}
	s.event.Type, s.event.Time = typ, happened
	return fn(&s.event)
}

// eventType tells a new flow from a changed one by the flags of the message;
// their message type is the same.
func eventType(m message) EventType {
	switch {
	case m.kind == messageDelete:
		return EventDestroy
	case m.kind == messageNew && m.flags&(flagCreate|flagExclusive) != 0:
		return EventNew
	case m.kind == messageNew:
		return EventUpdate
	}
	return 0
}
