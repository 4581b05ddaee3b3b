package selection

import "github.com/sockcensus/sockcensus/pkg/plugin"

// Options are the options that select sockets. Fields hold what was written;
// Query reads them.
type Options struct {
	Port      []string `short:"p" long:"port" unquote:"false" value-name:"PORT" description:"local port, service name or range: 443, https, 8000-8080 or 80,443"`
	LocalPort []string `long:"local-port" unquote:"false" value-name:"PORT" hidden:"true" description:"the same as --port"`
	PeerPort  []string `long:"peer-port" unquote:"false" value-name:"PORT" description:"port of the other side"`
	Local     []string `long:"local" unquote:"false" value-name:"ADDR[/LEN]" description:"local address or network"`
	Peer      []string `long:"peer" unquote:"false" value-name:"ADDR[/LEN]" description:"address or network of the other side"`
	State     []string `long:"state" unquote:"false" value-name:"STATE" description:"established, syn-sent, syn-recv, fin-wait-1, fin-wait-2, time-wait, close-wait, last-ack, closing, closed, bound-inactive, listening, all, connected, synchronized, bucket or big (as in ss)"`
	Exclude   []string `long:"exclude" unquote:"false" value-name:"STATE" description:"all states but this one, named as for --state"`
	Protocol  []string `long:"protocol" unquote:"false" value-name:"P" description:"tcp, udp, udplite, raw, unix, mptcp, sctp, dccp or packet (default: tcp)"`
	IPv4      bool     `short:"4" long:"ipv4" description:"only IPv4 addresses"`
	IPv6      bool     `short:"6" long:"ipv6" description:"only IPv6 addresses"`
	Interface []string `long:"interface" unquote:"false" value-name:"IF" description:"sockets bound to this interface"`
	Cgroup    []string `long:"cgroup" unquote:"false" value-name:"PATH" description:"sockets of this cgroup; a glob"`
	Process   []string `long:"process" unquote:"false" value-name:"NAME" description:"sockets that a process of this name holds; a glob"`
	User      []string `long:"user" unquote:"false" value-name:"NAME" description:"sockets of this user"`
	Mark      []string `long:"mark" unquote:"false" value-name:"VALUE[/MASK]" description:"firewall mark; needs CAP_NET_ADMIN"`
	Filter    []string `short:"f" long:"filter" unquote:"false" value-name:"EXPR" description:"expression in the filter language of ss; repeatable, all must match"`
	Resolve   bool     `long:"resolve" description:"allow host names in --filter"`
	// Fixed tells that ports and states are those of a graph, which its name says:
	// no option set them.
	Fixed bool `no-flag:"true"`
}

// Any reports whether anything but the defaults is selected.
func (o *Options) Any() bool {
	for _, values := range [][]string{
		o.Port, o.LocalPort, o.PeerPort, o.Local, o.Peer, o.State, o.Exclude, o.Protocol,
		o.Interface, o.Cgroup, o.Process, o.User, o.Mark, o.Filter,
	} {
		if set(values) {
			return true
		}
	}
	return o.IPv4 || o.IPv6
}

// set reports whether an option has a value that is not empty.
func set(values []string) bool { return len(plugin.Words(values)) > 0 }
