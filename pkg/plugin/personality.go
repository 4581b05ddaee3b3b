package plugin

import (
	"path"
	"strings"
)

// A personality is whose language the binary speaks in this run.
type personality uint8

const (
	person personality = iota
	nagiosCheck
	muninPlugin
)

// installed is the name by which an installed binary can be called.
func (p *Plugin) installed() string { return "sockcensus-" + p.Name }

// called is the name to call the binary by again: a person may have no other
// program of the short name, or, as for conntrack, another one.
func (p *Plugin) called(env Env) string {
	if len(env.Args) > 0 && path.Base(env.Args[0]) == p.installed() {
		return p.installed()
	}
	return p.Name
}

// An invocation is what the command line asks for before its options are read.
type invocation struct {
	personality personality
	// suffix and action are Munin's: "443" and "config".
	suffix, action string
	// words are left to parse.
	words []string
}

// invoked reads the personality off the name of the link, or else off the
// first word.
func (p *Plugin) invoked(args []string) invocation {
	if len(args) == 0 {
		return invocation{}
	}
	name, words := path.Base(args[0]), args[1:]
	if name == "check_"+p.Name {
		return invocation{personality: nagiosCheck, words: words}
	}
	if suffix, ok := strings.CutPrefix(name, p.Name+"_"); ok {
		return muninInvocation(suffix, words)
	}
	switch {
	case len(words) > 0 && words[0] == "check":
		return invocation{personality: nagiosCheck, words: words[1:]}
	case len(words) > 0 && words[0] == "munin":
		return p.muninByWord(words[1:])
	default:
		return invocation{words: words}
	}
}

// muninByWord reads "munin SUFFIX [ACTION]". Autoconf and suggest need no
// suffix, as with the bare link.
func (p *Plugin) muninByWord(words []string) invocation {
	if len(words) == 0 {
		return muninInvocation("", nil)
	}
	if len(words) == 1 && (words[0] == "autoconf" || words[0] == "suggest") {
		return muninInvocation("", words)
	}
	suffix := strings.TrimPrefix(words[0], p.Name+"_")
	return muninInvocation(suffix, words[1:])
}

func muninInvocation(suffix string, words []string) invocation {
	i := invocation{personality: muninPlugin, suffix: suffix, action: "fetch"}
	if len(words) > 0 {
		i.action, i.words = words[0], words[1:]
	}
	return i
}
