package plugin

import (
	"path"
	"slices"
	"strings"

	"github.com/sockcensus/sockcensus/pkg/munin"
	"github.com/sockcensus/sockcensus/pkg/quote"
)

// misnamed reports whether munin-node, or munin-run, calls a link by a name
// that is none of the plugin's, such as connections-443. To a person's help and
// to any exit but 0 the node answers "# Bad exit" alone, or with junk.
func (p *Plugin) misnamed(env Env, words []string) bool {
	if munin.ParseEnviron(env.Environ).StateFile == "" {
		return false
	}
	return len(words) == 0 || len(words) == 1 && slices.Contains([]string{"config", "fetch"}, words[0])
}

// properNames is the reason that a misnamed link gives for having no graph.
func (p *Plugin) properNames(env Env) []byte {
	names := make([]string, len(p.Graphs))
	for n, graph := range p.Graphs {
		names[n] = p.Name + "_" + graph.Suffix
	}
	link := quote.Text(path.Base(env.Args[0]))
	return munin.Reason("link " + link + " is none of the graphs: call it one of " + strings.Join(names, ", "))
}
