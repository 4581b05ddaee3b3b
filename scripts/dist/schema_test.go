package dist

import (
	"encoding/json"
	"fmt"
	"math"
	"slices"
	"strings"
	"testing"
	"time"
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
