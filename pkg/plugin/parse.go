package plugin

import (
	"errors"
	"fmt"
	"os"
	"strings"

	"github.com/jessevdk/go-flags"

	"github.com/sockcensus/sockcensus/pkg/quote"
)

// newParser returns a flat parser over the options. It never prints and knows
// no commands.
func newParser(name string, options any) *flags.Parser {
	parser := flags.NewNamedParser(name, flags.PassDoubleDash)
	if _, err := parser.AddGroup("Options", "", options); err != nil {
		panic(fmt.Sprintf("options of %s: %v", name, err)) // a mistake in our own struct tags
	}
	return parser
}

// parseOptions fills options from words and returns what is left over.
// Completion is a service to shells: outside a person's commands an inherited
// GO_FLAGS_COMPLETION must not change what a check prints.
func parseOptions(name string, options any, words []string, p personality) ([]string, error) {
	if p != person {
		os.Unsetenv("GO_FLAGS_COMPLETION")
	}
	left, err := newParser(name, options).ParseArgs(words)
	if err != nil {
		return nil, optionError(name, err)
	}
	return left, nil
}

// optionError says in our own words what go-flags found wrong.
func optionError(name string, err error) error {
	var parse *flags.Error
	if !errors.As(err, &parse) {
		return &UsageError{Sentence: err.Error(), Err: err}
	}
	quoted := between(parse.Message, '`', '\'')
	help := fmt.Sprintf("; %s --help lists the options", name)
	switch parse.Type {
	case flags.ErrUnknownFlag:
		return &UsageError{Sentence: "unknown option " + dashed(quoted) + help, Err: err}
	case flags.ErrExpectedArgument:
		if !strings.Contains(parse.Message, "`") { // the words of Ranges.IsValidValue
			return &UsageError{Sentence: parse.Message + help, Err: err}
		}
		return &UsageError{Sentence: "option " + longOf(quoted) + " needs a value" + instead(parse.Message) + help, Err: err}
	case flags.ErrNoArgumentForBool:
		return &UsageError{Sentence: "option " + longOf(quoted) + " takes no value" + help, Err: err}
	default:
		return &UsageError{Sentence: parse.Message + help, Err: err}
	}
}

// instead quotes what stands where a value should.
func instead(message string) string {
	_, got, ok := strings.Cut(message, ", but got ")
	if !ok {
		return ""
	}
	return ", not " + quote.Text(strings.TrimSuffix(got[strings.IndexByte(got, '`')+1:], "'"))
}

// between returns the text of a message between the first pair of quotes.
func between(message string, open, end byte) string {
	_, rest, ok := strings.Cut(message, string(open))
	if !ok {
		return message
	}
	text, _, _ := strings.Cut(rest, string(end))
	return text
}

func dashed(name string) string {
	if len([]rune(name)) == 1 {
		return "-" + name
	}
	return "--" + name
}

// longOf returns "--port" for go-flags' "-p, --port" or "-p/--port".
func longOf(option string) string {
	if i := strings.LastIndex(option, "--"); i >= 0 {
		return option[i:]
	}
	return option
}
