//go:build !shipped

package plugin

import (
	"strconv"
	"strings"
	"time"
)

// Documentation is made from the same descriptions as --help, so that no text
// is written twice. The command is for the build ("NAME documentation man")
// and is not listed.

// documentation prints one kind of documentation.
func (p *Plugin) documentation(env Env, words []string) error {
	if len(words) == 1 {
		switch words[0] {
		case "man":
			return writeOnce(env.Stdout, p.manual(documentDate(env)))
		case "pod":
			return writeOnce(env.Stdout, p.pod())
		case "bash":
			return writeOnce(env.Stdout, p.bashCompletion())
		case "zsh":
			return writeOnce(env.Stdout, p.zshCompletion())
		case "fish":
			return writeOnce(env.Stdout, p.fishCompletion())
		case "icinga":
			return writeOnce(env.Stdout, p.icingaCommand())
		case "director":
			return writeOnce(env.Stdout, p.directorBasket())
		}
	}
	return Usagef("documentation takes one word: man, pod, bash, zsh, fish, icinga or director")
}

// documentDate is the date that a document carries. Builds that shall give the
// same bytes every time set SOURCE_DATE_EPOCH
// (https://reproducible-builds.org/specs/source-date-epoch/).
func documentDate(env Env) string {
	now := env.Now()
	if seconds, err := strconv.ParseInt(env.Getenv("SOURCE_DATE_EPOCH"), 10, 64); err == nil {
		now = time.Unix(seconds, 0)
	}
	return now.UTC().Format(time.DateOnly)
}

// replaced is text with each old replaced by its new, in one pass. It is
// strings.NewReplacer without the eight kilobytes that would be in each binary.
func replaced(text string, oldNew ...string) string {
	var b strings.Builder
next:
	for text != "" {
		for i := 0; i < len(oldNew); i += 2 {
			if rest, ok := strings.CutPrefix(text, oldNew[i]); ok {
				b.WriteString(oldNew[i+1])
				text = rest
				continue next
			}
		}
		b.WriteByte(text[0])
		text = text[1:]
	}
	return b.String()
}
