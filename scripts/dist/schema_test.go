package dist

import (
	"encoding/json"
	"fmt"
	"math"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/sockcensus/sockcensus/scripts/testhost"
)

// A schema is the part of JSON Schema 2020-12 that ours are written in. A word
// beyond it fails the test instead of being ignored.
type schema struct {
	Schema      string             `json:"$schema"`
	Title       string             `json:"title"`
	Description string             `json:"description"`
	Type        words              `json:"type"`
	Format      string             `json:"format"`
	Enum        []any              `json:"enum"`
	Minimum     *float64           `json:"minimum"`
	Maximum     *float64           `json:"maximum"`
	Items       *schema            `json:"items"`
	AnyOf       []*schema          `json:"anyOf"`
	Properties  map[string]*schema `json:"properties"`
	Required    []string           `json:"required"`
	Additional  *bool              `json:"additionalProperties"`
}

// words is one word or a list of them.
type words []string

func (w *words) UnmarshalJSON(text []byte) error {
	var one string
	if json.Unmarshal(text, &one) == nil {
		*w = words{one}
		return nil
	}
	return json.Unmarshal(text, (*[]string)(w))
}

// check returns what is wrong with a value.
func (s *schema) check(at string, value any) (wrong []string) {
	bad := func(format string, args ...any) { wrong = append(wrong, at+": "+fmt.Sprintf(format, args...)) }
	if len(s.Type) > 0 && !slices.ContainsFunc(s.Type, func(name string) bool { return isType(value, name) }) {
		bad("%v is no %v", value, s.Type)
	}
	if len(s.Enum) > 0 && !slices.Contains(s.Enum, value) {
		bad("%v is none of %v", value, s.Enum)
	}
	if len(s.AnyOf) > 0 && !slices.ContainsFunc(s.AnyOf, func(one *schema) bool { return len(one.check(at, value)) == 0 }) {
		bad("%v is not as any of the alternatives", value)
	}
	switch value := value.(type) {
	case string:
		if _, err := time.Parse(time.RFC3339Nano, value); s.Format == "date-time" && err != nil {
			bad("%v", err)
		}
	case float64:
		if s.Minimum != nil && value < *s.Minimum || s.Maximum != nil && value > *s.Maximum {
			bad("%v is out of bounds", value)
		}
	case []any:
		for i, item := range value {
			if s.Items != nil {
				wrong = append(wrong, s.Items.check(fmt.Sprintf("%s[%d]", at, i), item)...)
			}
		}
	case map[string]any:
		wrong = append(wrong, s.checkObject(at, value)...)
	}
	return wrong
}

func (s *schema) checkObject(at string, object map[string]any) (wrong []string) {
	for _, key := range s.Required {
		if _, ok := object[key]; !ok {
			wrong = append(wrong, at+": no "+key)
		}
	}
	for key, value := range object {
		switch property := s.Properties[key]; {
		case property != nil:
			wrong = append(wrong, property.check(at+"."+key, value)...)
		case s.Additional != nil && !*s.Additional:
			wrong = append(wrong, at+": "+key+" is not in the schema")
		}
	}
	return wrong
}

func isType(value any, name string) bool {
	switch value := value.(type) {
	case nil:
		return name == "null"
	case bool:
		return name == "boolean"
	case string:
		return name == "string"
	case float64:
		return name == "number" || name == "integer" && value == math.Trunc(value)
	case []any:
		return name == "array"
	default:
		return name == "object"
	}
}

func readSchema(t *testing.T, path string) *schema {
	t.Helper()
	decoder := json.NewDecoder(strings.NewReader(read(t, path)))
	decoder.DisallowUnknownFields()
	s := new(schema)
	if err := decoder.Decode(s); err != nil {
		t.Fatalf("%s: %v", path, err)
	}
	return s
}

// documents are commands that print JSON; of the noun that they print there is
// a schema. Those marked rows have to print some.
var documents = []struct {
	plugin, command, noun string
	rows                  bool
}{
	{"connections", "list --all", "sockets", true},
	{"connections", "list --all --processes --timers --protocol tcp,udp", "sockets", true},
	{"connections", "list --all --protocol unix", "sockets", true},
	{"connections", "list --all --source proc", "sockets", true},
	{"connections", "count", "groups", true},
	{"connections", "count --state all --by state,port,peer-port,peer,network,process,user,family,protocol,cgroup", "groups", true},
	{"connections", "summary", "summary", true},
	{"clients", "list --port 7443 --min-age 0", "clients", true},
	{"clients", "list --port 7443 --min-age 0 --by network", "clients", true},
	{"listeners", "list", "listeners", true},
	{"listeners", "list --processes --udp-ephemeral", "listeners", true},
	{"listeners", "baseline diff BASELINE", "changes", true},
	{"listeners", "baseline check BASELINE", "differences", true},
	{"conntrack", "list", "flows", true},
	{"conntrack", "count", "groups", true},
	{"conntrack", "count --by protocol,state,status,src,dst,sport,dport,reply-src,zone,mark", "groups", true},
	{"conntrack", "stats", "counters", true},
	{"conntrack", "stats --cpus", "counters", true},
	{"conntrack", "events --summary 100ms", "events", true},
	{"opens", "status --bpffs NOWHERE --db NOWHERE/db", "status", true},
}

func TestJSONIsAsItsSchemaSays(t *testing.T) {
	testhost.NeedRoot(t)
	nft, ss := testhost.Need(t, "nft"), testhost.Need(t, "ss")
	ns := testhost.NewNetns(t)
	dir := testhost.Dir(t)
	baseline := filepath.Join(dir, "baseline")
	if err := os.WriteFile(baseline, []byte("tcp *:9 gone\n"), 0o644); err != nil {
		t.Fatal(err)
	}
	run := func(path string, args ...string) testhost.Result {
		return testhost.Run(t, testhost.Command{Path: path, Args: args, Netns: ns})
	}
	for _, rule := range []string{"add table inet t", "add chain inet t c { type filter hook output priority 0; }", "add rule inet t c ct state new counter"} {
		if r := run(nft, strings.Fields(rule)...); r.Code != 0 {
			t.Fatalf("nft %s: %s", rule, r)
		}
	}
	talk(t, ns)
	if r := run(ss, "-Htn"); !strings.Contains(r.Stdout, "7443") {
		t.Fatalf("the connections for this test are not there: %s", r)
	}
	seen := map[string]bool{}
	for _, d := range documents {
		seen[d.noun] = true
		if !slices.Contains(plugins(t), d.plugin) {
			continue
		}
		args := append(strings.Fields(strings.NewReplacer("BASELINE", baseline, "NOWHERE", dir).Replace(d.command)), "--format", "json")
		r := run(testhost.Binary(t, d.plugin), args...)
		var document map[string]any
		if err := json.Unmarshal([]byte(r.Stdout), &document); err != nil || r.Code > 1 {
			t.Errorf("%s %s: %v %s", d.plugin, d.command, err, r)
			continue
		}
		if rows, _ := document[d.noun].([]any); d.rows && len(rows) == 0 {
			t.Errorf("%s %s printed no rows to look at: %s", d.plugin, d.command, r)
		}
		for _, wrong := range readSchema(t, "schema/"+d.noun+".json").check(d.noun, document) {
			t.Errorf("%s %s: %s", d.plugin, d.command, wrong)
		}
	}
	files, err := filepath.Glob("schema/*.json")
	if err != nil {
		t.Fatal(err)
	}
	for _, file := range files {
		readSchema(t, file)
		// What opens prints while it counts is seen by its own tests.
		if noun := strings.TrimSuffix(filepath.Base(file), ".json"); !seen[noun] && noun != "opens" {
			t.Errorf("nothing prints %s", file)
		}
	}
}
