package plugin

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/sockcensus/sockcensus/pkg/prometheus"
	"github.com/sockcensus/sockcensus/pkg/quote"
	"github.com/sockcensus/sockcensus/pkg/report"
	"github.com/sockcensus/sockcensus/pkg/table"
)

// The exit codes of a person's commands.
const (
	exitDone    = 0
	exitDiffers = 1
	exitFailed  = 2
)

// person speaks to somebody at a terminal, or to a script.
func (p *Plugin) person(ctx context.Context, env Env, words []string) int {
	if len(words) == 0 || words[0] == "help" || words[0] == "-h" || words[0] == "--help" {
		return p.complain(env, writeOnce(env.Stdout, p.overview(p.called(env))))
	}
	if words[0] == "-V" || words[0] == "--version" {
		return p.complain(env, writeOnce(env.Stdout, p.versionLine(p.Name)))
	}
	if words[0] == "documentation" {
		return p.complain(env, p.documentation(env, words[1:]))
	}
	if words[0] == "metrics" {
		return p.complain(env, p.metrics(ctx, env, words[1:]))
	}
	for i := range p.Commands {
		command := &p.Commands[i]
		if name := strings.Fields(command.Name); len(words) >= len(name) && slices.Equal(words[:len(name)], name) {
			return p.command(ctx, env, command, words[len(name):])
		}
	}
	if len(words) == 2 && (words[1] == "-h" || words[1] == "--help") && len(p.secondWords(words[0])) > 0 {
		return p.complain(env, writeOnce(env.Stdout, p.overview(p.called(env))))
	}
	return p.complain(env, p.noCommand(p.called(env), words))
}

// complain says on standard error what went wrong, if anything did, and
// returns the exit code.
func (p *Plugin) complain(env Env, err error) int {
	if err == nil {
		return exitDone
	}
	fmt.Fprintf(env.Stderr, "%s: %s\n", p.Name, table.Printable(err.Error()))
	return exitFailed
}

func (p *Plugin) command(ctx context.Context, env Env, command *Command, words []string) int {
	options := command.New()
	call, err := p.personCall(env, command, options, words)
	common := options.common()
	switch {
	case common.Help:
		return p.complain(env, writeOnce(env.Stdout, p.commandHelp(p.called(env), command)))
	case common.Version:
		return p.complain(env, writeOnce(env.Stdout, p.versionLine(p.Name)))
	case err != nil:
		return p.complain(env, err)
	}
	limit, err := common.timeout(0)
	if err != nil {
		return p.complain(env, err)
	}
	call.begin(limit)
	call.progress = startProgress(&call.Env, p.Name)
	differs, err := boundedBy(ctx, limit, personGrace, func(ctx context.Context) (bool, error) {
		return p.list(ctx, call, options)
	})
	call.progress.stop()
	switch {
	case err != nil:
		return p.complain(env, err)
	case differs:
		return exitDiffers
	default:
		return exitDone
	}
}

// personCall parses a command's options and its operand.
func (p *Plugin) personCall(env Env, command *Command, options Lister, words []string) (*Call, error) {
	name := p.called(env) + " " + command.Name
	left, err := parseOptions(name, options, words, person)
	if err != nil || options.common().Help || options.common().Version {
		return nil, err
	}
	call := &Call{Plugin: p, Env: env, Person: true, NeedValues: true, common: options.common()}
	if command.Operand != "" {
		if len(left) == 0 {
			return nil, Usagef("%s needs %s: %s %s", name, command.Operand, name, command.Operand)
		}
		call.Operand, left = left[0], left[1:]
	}
	if len(left) > 0 {
		return nil, Usagef("unexpected word %s; %s --help lists the options", quote.Text(left[0]), name)
	}
	return call, nil
}

// list prints the command's table and reports whether it tells a difference.
func (p *Plugin) list(ctx context.Context, call *Call, options Lister) (differs bool, err error) {
	how, err := tableOptions(call, options)
	if err != nil {
		return false, err
	}
	t, err := options.List(ctx, call)
	if err != nil {
		return false, err
	}
	nameErrors(t, call.limit)
	call.progress.follow(t)
	said := p.sayLive(call.Env, t)
	err = table.Write(call.Env.Stdout, t, how)
	p.say(call.Env, t.Notes[*said:])
	if call.Verbose() > 0 {
		p.say(call.Env, []string{timing(call)})
	}
	return t.Differs, err
}

// nameErrors gives the error that ends the rows its sentence, so that JSON says
// the same as standard error.
func nameErrors(t *report.Table, limit time.Duration) {
	rows := t.Rows
	t.Rows = func(yield func([]report.Cell, error) bool) {
		for row, err := range rows {
			if err != nil {
				err = named(err, limit)
			}
			if !yield(row, err) {
				return
			}
		}
	}
}

// say prints notes on standard error.
func (p *Plugin) say(env Env, notes []string) {
	for _, note := range notes {
		fmt.Fprintf(env.Stderr, "%s: %s\n", p.Name, table.Printable(note))
	}
}

// sayLive makes the notes of live rows, which may never end, be printed as
// they come, and counts those that were.
func (p *Plugin) sayLive(env Env, t *report.Table) (said *int) {
	said = new(int)
	if !t.Live {
		return said
	}
	p.say(env, t.Notes)
	*said = len(t.Notes)
	rows := t.Rows
	t.Rows = func(yield func([]report.Cell, error) bool) {
		for row, err := range rows {
			p.say(env, t.Notes[*said:])
			*said = len(t.Notes)
			if !yield(row, err) {
				return
			}
		}
	}
	return said
}

func tableOptions(call *Call, options any) (table.Options, error) {
	how := table.Options{Width: call.Env.Width}
	given, ok := options.(interface{ output() *Output })
	if !ok {
		return how, nil
	}
	output := given.output()
	var err error
	if how.Format, err = table.ParseFormat(output.Format); err != nil {
		return how, &UsageError{Sentence: err.Error(), Err: err}
	}
	switch output.Color {
	case "", "auto":
		how.Color = call.Env.Width > 0 && call.Env.Getenv("NO_COLOR") == ""
	case "always":
		how.Color = true
	case "never":
	default:
		return how, Usagef("--color %s: use auto, always or never", quote.Text(output.Color))
	}
	return how, nil
}

// metrics prints the check's report in the Prometheus text format.
func (p *Plugin) metrics(ctx context.Context, env Env, words []string) error {
	name, options := p.called(env)+" metrics", p.New()
	left, err := parseOptions(name, options, words, person)
	common := options.common()
	switch {
	case common.Help:
		return writeOnce(env.Stdout, p.metricsHelp(name))
	case common.Version:
		return writeOnce(env.Stdout, p.versionLine(p.Name))
	case err != nil:
		return err
	case len(left) > 0:
		return Usagef("unexpected word %s; %s --help lists the options", quote.Text(left[0]), name)
	}
	if limits, err := limitsOf(options); err != nil {
		return err
	} else if len(limits) > 0 {
		return Usagef("--warning and --critical are for the check: whoever reads the metrics holds them against a limit")
	}
	call := &Call{Plugin: p, Env: env, Person: true, NeedValues: true, common: common}
	limit, err := common.timeout(0)
	if err != nil {
		return err
	}
	call.begin(limit)
	r, err := bounded(ctx, limit, func(ctx context.Context) (*report.Report, error) {
		return options.Check(ctx, call)
	})
	if err != nil {
		return err
	}
	p.say(env, r.Notes)
	if err := writeOnce(env.Stdout, prometheus.Render(r)); err != nil || len(r.Problems) == 0 {
		return err
	}
	return errors.New(strings.Join(r.Problems, "; "))
}
