package plugin

import (
	"cmp"
	"context"
	"errors"

	"github.com/jessevdk/go-flags"

	"github.com/sockcensus/sockcensus/pkg/munin"
	"github.com/sockcensus/sockcensus/pkg/quote"
	"github.com/sockcensus/sockcensus/pkg/report"
)

// munin speaks to munin-node. The exit code is always zero: at any other the
// node would drop what we have to say.
func (p *Plugin) munin(ctx context.Context, env Env, i invocation) int {
	options := p.New()
	call := &Call{Plugin: p, Env: env, Munin: true, common: options.common()}
	writeOnce(env.Stdout, p.muninOutput(ctx, call, options, i))
	return 0
}

func (p *Plugin) muninOutput(ctx context.Context, call *Call, options Measurer, i invocation) []byte {
	optionErr := p.muninOptions(call, options)
	if len(i.words) > 0 {
		return munin.Reason("unexpected word " + quote.Text(i.words[0]) + ": Munin passes one of autoconf, suggest, config, fetch")
	}
	switch i.action {
	case "autoconf":
		err := p.autoconf(ctx, call, options, optionErr)
		if err != nil {
			err = errors.New(inVariables(err.Error(), options))
		}
		return munin.Autoconf(err)
	case "suggest":
		return p.suggest(ctx, call, options)
	case "config", "fetch":
		return p.graph(ctx, call, options, i, optionErr)
	default:
		return munin.Reason("unknown word " + quote.Text(i.action) + ": Munin passes one of autoconf, suggest, config, fetch")
	}
}

// muninOptions reads the options out of the environment that plugin-conf.d
// sets, as if they stood on the command line.
func (p *Plugin) muninOptions(call *Call, options Measurer) error {
	parser := newParser(p.Name, options)
	words, err := munin.Options(call.Env.Environ, func(long string) (takesValue, ok bool) {
		option := variable(parser, long)
		return option != nil && !isSwitch(option), option != nil
	})
	if err != nil {
		return &UsageError{Sentence: err.Error(), Err: err}
	}
	if _, err := parseOptions(p.Name, options, words, muninPlugin); err != nil {
		return err
	}
	call.Limits, err = limitsOf(options)
	return err
}

// variable returns the option that plugin-conf.d can set under a long name, or
// nil.
func variable(parser *flags.Parser, long string) *flags.Option {
	if long == "help" || long == "version" {
		return nil
	}
	return parser.FindOptionByLongName(long)
}

func isSwitch(option *flags.Option) bool {
	switch option.Value().(type) {
	case bool, []bool:
		return true
	default:
		return false
	}
}

func (p *Plugin) autoconf(ctx context.Context, call *Call, options Measurer, optionErr error) error {
	if optionErr != nil {
		return optionErr
	}
	_, err := bounded(ctx, DefaultTimeout, func(ctx context.Context) (struct{}, error) {
		return struct{}{}, options.Autoconf(ctx, call)
	})
	return err
}

func (p *Plugin) suggest(ctx context.Context, call *Call, options Measurer) []byte {
	suffixes, err := bounded(ctx, DefaultTimeout, func(ctx context.Context) ([]string, error) {
		return options.Suggest(ctx, call)
	})
	if err != nil {
		return nil // munin-node-configure takes every line for a suffix
	}
	return munin.Suggest(suffixes)
}

func (p *Plugin) graph(ctx context.Context, call *Call, options Measurer, i invocation, optionErr error) []byte {
	env := munin.ParseEnviron(call.Env.Environ)
	config := i.action == "config"
	dirty := config && env.DirtyConfig
	call.NeedValues = (!config || dirty) && optionErr == nil
	r, err := p.measureGraph(ctx, call, options, i.suffix)
	if optionErr != nil {
		err = optionErr
	}
	if r == nil {
		return munin.Reason(inVariables(err.Error(), options))
	}
	if err != nil {
		r.Forget(err.Error())
	}
	for _, sentences := range [][]string{r.Problems, r.Notes} {
		for i, sentence := range sentences {
			sentences[i] = inVariables(sentence, options)
		}
	}
	service := p.Name + "_" + i.suffix
	if config {
		return munin.Config(r, service, dirty)
	}
	return munin.Values(r, service)
}

func (p *Plugin) measureGraph(ctx context.Context, call *Call, options Measurer, suffix string) (*report.Report, error) {
	limit, err := call.common.timeout(DefaultTimeout)
	if err != nil {
		limit, call.NeedValues = DefaultTimeout, false
	}
	call.begin(limit)
	call.suffix = suffix
	r, graphErr := bounded(ctx, limit, func(ctx context.Context) (*report.Report, error) {
		return options.Graph(ctx, call, suffix)
	})
	var late *timeoutError
	if r == nil && errors.As(graphErr, &late) {
		r = p.shape(ctx, call, options, suffix)
	}
	if r != nil {
		named, _ := options.(NamedMetrics)
		err = cmp.Or(graphErr, err, applyLimits(r, call.Limits, named))
	}
	return r, cmp.Or(graphErr, err)
}

// shape is the graph without its values, for a measurement that hangs.
func (p *Plugin) shape(ctx context.Context, call *Call, options Measurer, suffix string) *report.Report {
	quiet := *call
	quiet.NeedValues = false
	r, _ := bounded(ctx, DefaultTimeout, func(ctx context.Context) (*report.Report, error) {
		return options.Graph(ctx, &quiet, suffix)
	})
	return r
}
