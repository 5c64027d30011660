package setting

import (
	"errors"
	"slices"
	"strings"
)

// Set is settings in the order of the help.
type Set []Row

// Reset gives every setting its default.
func (s Set) Reset() {
	for _, r := range s {
		if r.Default != nil {
			r.Put(r.Default)
		}
	}
}

// AsBefore gives the settings that a run does not mention what runs had before there were those.
func (s Set) AsBefore(mentions func(name string) bool) {
	for _, r := range s {
		if r.Before != nil && !mentions(r.Name) {
			r.Put(r.Before)
		}
	}
}

// Check reports the first setting that cannot be. Errors are *UsageError.
func (s Set) Check() error {
	for _, r := range s {
		if r.Check == nil {
			continue
		}
		if err := r.Check(r); err != nil {
			return err
		}
	}
	return nil
}

// Find is the setting of a name.
func (s Set) Find(name string) (Row, bool) {
	i := slices.IndexFunc(s, func(r Row) bool { return r.Name == name })
	if i < 0 {
		return Row{}, false
	}
	return s[i], true
}

// With are the settings that have a mark.
func (s Set) With(m Mark) Set {
	return slices.DeleteFunc(slices.Clone(s), func(r Row) bool { return !r.Is(m) })
}

// without are the settings that have it not.
func (s Set) without(m Mark) Set {
	return slices.DeleteFunc(slices.Clone(s), func(r Row) bool { return r.Is(m) })
}

// Names lists them.
func (s Set) Names() []string {
	var all []string
	for _, r := range s {
		all = append(all, r.Name)
	}
	return all
}

// Given says which settings a user gave, and where: "--lr", "FORGER_LR", "--config c.yaml: line 3: lr".
type Given map[string]string

// Has reports whether a setting was given.
func (g Given) Has(name string) bool { _, ok := g[name]; return ok }

// Blame names in a *UsageError about a setting where its value was given, where that is not the flag that the error names.
func (g Given) Blame(err error) error {
	var usage *UsageError
	if !errors.As(err, &usage) || !strings.HasPrefix(usage.Msg, "--") {
		return err
	}
	flag := usage.Msg
	if end := strings.IndexAny(flag, " :"); end >= 0 {
		flag = flag[:end]
	}
	if where := g[flag[2:]]; where != "" {
		return Usagef("%s%s", where, usage.Msg[len(flag):])
	}
	return err
}
