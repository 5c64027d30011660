package board

import (
	"strconv"
	"strings"
)

// Setting is a line of config.yaml.
type Setting struct {
	Name  string `json:"name"`
	Value string `json:"value"`
}

// settings are the lines of a config.yaml as a run writes it: values by name, those below a name without a value by
// "name.inner", and lists joined. Whatever else is in it is passed over.
func settings(text string) (all []Setting) {
	above := ""
	for line := range strings.Lines(text) {
		trimmed := strings.TrimSpace(line)
		indented := line != "" && line[0] == ' '
		if item, ok := strings.CutPrefix(trimmed, "- "); ok && above != "" {
			all = grow(all, above, plain(item))
			continue
		}
		name, value, ok := strings.Cut(trimmed, ":")
		if !ok || name == "" || name[0] == '#' || len(all) == 1000 {
			continue
		}
		value = plain(value)
		switch {
		case indented && above != "":
			name = above + "." + name
		case value == "":
			above = name
			continue
		default:
			above = ""
		}
		all = append(all, Setting{name, value})
	}
	return all
}

// grow adds an item to the list of a name.
func grow(all []Setting, name, item string) []Setting {
	if n := len(all); n > 0 && all[n-1].Name == name {
		all[n-1].Value += ", " + item
		return all
	}
	return append(all, Setting{name, item})
}

// plain is a YAML scalar without its quotes.
func plain(value string) string {
	value = strings.TrimSpace(value)
	if inner, err := strconv.Unquote(value); err == nil && value[0] == '"' {
		return inner
	}
	if n := len(value); n > 1 && value[0] == '\'' && value[n-1] == '\'' {
		return strings.ReplaceAll(value[1:n-1], "''", "'")
	}
	return value
}

// named is the value of a setting; "" where there is none.
func named(all []Setting, name string) string {
	for _, s := range all {
		if s.Name == name {
			return s.Value
		}
	}
	return ""
}

// bound is a setting that ends a run; 0: it does not.
func bound(all []Setting, name string) float64 {
	v, err := strconv.ParseFloat(named(all, name), 64)
	if err != nil || v < 0 {
		return 0
	}
	return v
}
