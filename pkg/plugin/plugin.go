package plugin

import (
	"context"

	"github.com/sockcensus/sockcensus/pkg/report"
)

// A Plugin describes one multicall binary. Help texts, manual pages and
// completion are made from the same description.
type Plugin struct {
	// Name is the binary's name, such as "connections".
	Name string
	// Summary is one line; Description is paragraphs separated by empty lines.
	Summary, Description string
	// Markers is the munin package's block of magic markers for
	// munin-node-configure. Naming it keeps it in the binary.
	Markers string
	// New returns the options of the check, the Munin plugin and the metrics
	// command, with their zero values.
	New func() Measurer
	// Graphs documents the Munin suffixes.
	Graphs []GraphDoc
	// Examples documents command lines.
	Examples []Example
	// Commands are what a person can call.
	Commands []Command
}

// A GraphDoc documents one form of Munin suffix.
type GraphDoc struct{ Suffix, Text string }

// An Example is a command line and what it is good for. It begins with the
// name of the plugin or of the check; help writes it with the name that the
// binary was called by.
type Example struct{ Command, Text string }

// A Command is one thing a person can ask of the binary.
type Command struct {
	// Name is one or two words; Operand names the one word that may follow
	// the options, if any.
	Name, Operand string
	Summary       string
	// New returns the command's options with their zero values.
	New func() Lister
}

// Options are the options of one personality: a pointer to a struct with
// go-flags tags that embeds Common.
type Options interface {
	common() *Common
}

// A Measurer makes the reports of the check, the Munin plugin and the metrics
// command.
type Measurer interface {
	Options
	// Check returns what the selection finds. The frame attaches the
	// thresholds that were given.
	Check(ctx context.Context, call *Call) (*report.Report, error)
	// Graph returns the graph of a Munin suffix. A report that comes with an
	// error is the shape of the graph alone. Where call.NeedValues is false
	// the shape is all that is wanted.
	Graph(ctx context.Context, call *Call, suffix string) (*report.Report, error)
	// Autoconf returns nil where the plugin works on this host, and otherwise
	// the reason why not.
	Autoconf(ctx context.Context, call *Call) error
	// Suggest returns the suffixes that make sense on this host.
	Suggest(ctx context.Context, call *Call) ([]string, error)
}

// A Lister makes the table of a person's command.
type Lister interface {
	Options
	List(ctx context.Context, call *Call) (*report.Table, error)
}

// NamedMetrics is implemented by a Measurer whose reports can hold metrics
// beyond those that a run happens to find.
type NamedMetrics interface {
	// MoreNames is how the sentence that lists the metrics goes on: with names
	// that a threshold may use beyond them, such as ", drops_rate". It is empty
	// where there are none.
	MoreNames() string
}
