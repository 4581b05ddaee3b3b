package munin

import (
	"slices"
	"strings"

	"github.com/sockcensus/sockcensus/pkg/quote"
)

// An OptionError is a variable of plugin-conf.d with a value that it cannot
// have.
type OptionError struct {
	// Variable is the name behind "env.", Value what it was set to.
	Variable, Value string
	// Allowed says what it can be set to.
	Allowed string
}

func (e *OptionError) Error() string {
	return "env." + e.Variable + " " + quote.Text(e.Value) + ": use " + e.Allowed
}

// Options turns the variables that plugin-conf.d sets into long options:
// port=80,443 becomes --port=80,443, no_wait=yes becomes --no-wait, and
// p443_warning=100 becomes --warning=p443=100. Known tells for a long name
// whether there is such an option and whether it takes a value.
//
// An empty value means "not set". Variables that are no option are ignored:
// an environment is full of them. Where a variable is set twice the last one
// counts. An error is of type *[OptionError].
func Options(environ []string, known func(long string) (takesValue, ok bool)) ([]string, error) {
	var words []string
	for i, variable := range environ {
		name, value, ok := strings.Cut(variable, "=")
		if !ok || !isName(name) || strings.TrimSpace(value) == "" || setAgain(environ[i+1:], name) {
			continue
		}
		word, err := option(name, value, known)
		if err != nil {
			return nil, err
		}
		if word != "" {
			words = append(words, word)
		}
	}
	return words, nil
}

// option returns the word for one variable, empty where there is none.
func option(name, value string, known func(string) (takesValue, ok bool)) (string, error) {
	long := strings.ReplaceAll(name, "_", "-")
	takesValue, ok := known(long)
	switch {
	case ok && takesValue:
		return "--" + long + "=" + value, nil
	case ok:
		on, err := isOn(name, value)
		if !on {
			return "", err
		}
		return "--" + long, nil
	default:
		return limit(name, value, known)
	}
}

// limit reads METRIC_warning and METRIC_critical.
func limit(name, value string, known func(string) (takesValue, ok bool)) (string, error) {
	for _, long := range []string{"warning", "critical"} {
		metric, ok := strings.CutSuffix(name, "_"+long)
		if takesValue, exists := known(long); !ok || metric == "" || !exists || !takesValue {
			continue
		}
		if strings.Contains(value, ",") {
			return "", &OptionError{name, value, "one range, such as 10, 10:, ~:10, 10:20 or @10:20"}
		}
		return "--" + long + "=" + metric + "=" + strings.TrimSpace(value), nil
	}
	return "", nil
}

// isOn reads the value of a flag.
func isOn(name, value string) (bool, error) {
	switch strings.ToLower(strings.TrimSpace(value)) {
	case "1", "yes", "true":
		return true, nil
	case "0", "no", "false":
		return false, nil
	default:
		return false, &OptionError{name, value, "1, yes or true, or 0, no or false"}
	}
}

// isName reports whether a variable can be an option's: [a-z][a-z0-9_]*.
func isName(name string) bool {
	for i := range len(name) {
		c := name[i]
		if (c < 'a' || c > 'z') && (i == 0 || (c < '0' || c > '9') && c != '_') {
			return false
		}
	}
	return name != ""
}

func setAgain(environ []string, name string) bool {
	return slices.ContainsFunc(environ, func(variable string) bool {
		return strings.HasPrefix(variable, name) && strings.HasPrefix(variable[len(name):], "=")
	})
}
