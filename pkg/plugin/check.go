package plugin

import (
	"bytes"
	"context"
	"errors"

	"github.com/sockcensus/sockcensus/pkg/nagios"
	"github.com/sockcensus/sockcensus/pkg/quote"
	"github.com/sockcensus/sockcensus/pkg/report"
	"github.com/sockcensus/sockcensus/pkg/threshold"
)

// check speaks to Nagios: everything on standard output, in one write.
func (p *Plugin) check(ctx context.Context, env Env, words []string) int {
	out, code := p.checkOutput(ctx, env, words)
	if err := writeOnce(env.Stdout, out); err != nil {
		return threshold.Unknown.ExitCode()
	}
	return code
}

func (p *Plugin) checkOutput(ctx context.Context, env Env, words []string) ([]byte, int) {
	name, options := "check_"+p.Name, p.New()
	left, err := parseOptions(name, options, words, nagiosCheck)
	common := options.common()
	switch {
	case common.Help:
		return p.checkHelp(), threshold.Unknown.ExitCode()
	case common.Version:
		return p.versionLine(name), threshold.Unknown.ExitCode()
	case err == nil && len(left) > 0:
		err = Usagef("unexpected word %s; %s --help lists the options", quote.Text(left[0]), name)
	}
	if err != nil {
		return p.checkFailure(err, 0)
	}
	call := &Call{Plugin: p, Env: env, NeedValues: true, common: common}
	r, err := p.measure(ctx, call, options)
	if err != nil {
		return p.checkFailure(err, call.Verbose())
	}
	return nagios.Render(r, call.Verbose())
}

// lastWord returns what ends the process for a check that hangs.
func (p *Plugin) lastWord(env Env) func(error) {
	return func(err error) {
		out, code := p.checkFailure(err, 0)
		writeOnce(env.Stdout, out)
		env.Exit(code)
	}
}

// measure makes the check's report and attaches the thresholds.
func (p *Plugin) measure(ctx context.Context, call *Call, options Measurer) (*report.Report, error) {
	limit, err := call.common.timeout(DefaultTimeout)
	if err != nil {
		return nil, err
	}
	if call.Limits, err = limitsOf(options); err != nil {
		return nil, err
	}
	call.begin(limit)
	call.checked = options
	r, err := boundedHere(ctx, limit, p.lastWord(call.Env), func(ctx context.Context) (*report.Report, error) {
		return options.Check(ctx, call)
	})
	if err != nil {
		return nil, err
	}
	if call.Verbose() > 0 {
		r.Trace = append(r.Trace, timing(call))
	}
	named, _ := options.(NamedMetrics)
	if err := applyLimits(r, call.Limits, named); err != nil {
		return nil, err
	}
	return r, fits(r)
}

func limitsOf(options any) (map[string]threshold.Threshold, error) {
	given, ok := options.(interface{ limits() *Limits })
	if !ok {
		return map[string]threshold.Threshold{}, nil
	}
	return given.limits().parse()
}

func (p *Plugin) checkFailure(err error, verbose int) ([]byte, int) {
	out, code := nagios.Failure(p.Name, err.Error())
	var crash *panicError
	if errors.As(err, &crash) && verbose > 0 {
		for _, frame := range crash.frames() {
			out = append(out, quote.Line(frame)+"\n"...)
		}
	}
	return out, code
}

func (p *Plugin) checkHelp() []byte {
	var b bytes.Buffer
	p.writeHelp(&b, "check_"+p.Name, "[OPTIONS]", p.Summary, p.New())
	return b.Bytes()
}

func (p *Plugin) versionLine(name string) []byte {
	return []byte(name + " (sockcensus) " + Version() + "\n")
}
