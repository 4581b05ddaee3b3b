package sock

import "strings"

// Fields is a set of the parts of a Socket which not every source, kernel or
// user gets to see.
type Fields uint32

// The optional parts. AcceptQueue is the limit of a listening socket's accept
// queue, which /proc does not show. Queues are RecvQ and SendQ but for that
// limit; of unix sockets /proc shows neither. Autobound is not a part of Socket: only
// the kernel can decide it, so it appears in what a filter needs and in what
// a source decides.
const (
	FieldCookie Fields = 1 << iota
	FieldInterface
	FieldMark // needs CAP_NET_ADMIN
	FieldCgroup
	FieldMemory
	FieldTCPInfo
	FieldV6Only
	FieldAcceptQueue
	FieldAutobound
	FieldTimer
	FieldUID
	FieldQueues
	fieldsEnd
)

var fieldNames = [...]string{
	"cookie", "interface", "mark", "cgroup", "memory", "tcp-info", "v6only", "accept queue limit", "autobound", "timer", "user", "queues",
}

// Has reports whether the set holds all of want.
func (f Fields) Has(want Fields) bool { return f&want == want }

// String lists the names of the parts.
func (f Fields) String() string {
	var names []string
	for i, name := range fieldNames {
		if f&(1<<i) != 0 {
			names = append(names, name)
		}
	}
	return strings.Join(names, ", ")
}
