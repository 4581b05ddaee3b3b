package main

import (
	"slices"
	"strings"

	"github.com/sockcensus/sockcensus/pkg/plugin"
	"github.com/sockcensus/sockcensus/pkg/quote"
	"github.com/sockcensus/sockcensus/pkg/sock"
)

// A graphKind is one of the graphs that Munin can ask for.
type graphKind uint8

const (
	portGraph graphKind = iota
	statesGraph
	summaryGraph
	selectionGraph
)

// A graphName is a Munin suffix, understood.
type graphName struct {
	kind     graphKind
	protocol sock.Protocol
	ports    []uint16
}

// suffixForms says what a suffix may look like.
const suffixForms = "use connections_PORT[_PORT...], connections_udp_PORT, connections_states, connections_states_PORT, connections_summary, or connections_WORD with env.filter or another selection in plugin-conf.d"

// parseSuffix reads the part of a link's name behind "connections_".
func parseSuffix(suffix string) (graphName, error) {
	parts := strings.Split(suffix, "_")
	name := graphName{kind: portGraph, protocol: sock.TCP}
	switch {
	case suffix == "summary":
		name.kind = summaryGraph
		return name, nil
	case suffix == "states":
		name.kind = statesGraph
		return name, nil
	case parts[0] == "states" && len(parts) == 2:
		name.kind, parts = statesGraph, parts[1:]
	case parts[0] == "udp" && len(parts) == 2:
		name.protocol, parts = sock.UDP, parts[1:]
	case plugin.IsWord(suffix, "states", "summary", "udp", "tcp"):
		name.kind = selectionGraph
		return name, nil
	}
	var err error
	name.ports, err = parsePorts(suffix, parts)
	return name, err
}

func parsePorts(suffix string, parts []string) ([]uint16, error) {
	var ports []uint16
	for _, part := range parts {
		port, ok := plugin.ParsePort(part)
		if !ok {
			return nil, plugin.Usagef("suffix %s is none of the graphs: %s", quote.Text(suffix), suffixForms)
		}
		if slices.Contains(ports, port) {
			return nil, plugin.Usagef("suffix %s names port %d twice: %s", quote.Text(suffix), port, suffixForms)
		}
		ports = append(ports, port)
	}
	return ports, nil
}
