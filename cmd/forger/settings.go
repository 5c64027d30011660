package main

import (
	"fmt"
	"os"
	"slices"
	"strings"

	"forger/gan"
	"forger/gan/bench"
	"forger/gan/trainer"
	"forger/internal/setting"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"
)

// addSettings makes a flag of each setting; its default is what the setting holds.
func addSettings(flags *pflag.FlagSet, all setting.Set) {
	flags.SortFlags = false
	for _, r := range all {
		switch v := r.Value.(type) {
		case *string:
			if r.Joint != "" {
				flags.Var(&joined{to: v, joint: r.Joint}, r.Name, help(r)+" (repeatable)")
				continue
			}
			flags.StringVar(v, r.Name, *v, help(r))
		case *int:
			flags.IntVar(v, r.Name, *v, help(r))
		case *int64:
			flags.Int64Var(v, r.Name, *v, help(r))
		case *uint64:
			flags.Uint64Var(v, r.Name, *v, help(r))
		case *float64:
			flags.Float64Var(v, r.Name, *v, help(r))
		case *bool:
			flags.BoolVar(v, r.Name, *v, help(r))
		case *[]string:
			flags.StringArrayVar(v, r.Name, *v, help(r)+" (repeatable)")
		case pflag.Value:
			flags.Var(v, r.Name, help(r))
		default:
			panic(fmt.Sprintf("setting %s has a type without a flag: %T", r.Name, r.Value))
		}
	}
}

// joined is the flag of a setting whose values are joined to one.
type joined struct {
	to    *string
	joint string
	given bool // what it holds is no default
}

func (j *joined) String() string { return *j.to }
func (j *joined) Type() string   { return "string" }

func (j *joined) Set(text string) error {
	if j.given {
		text = *j.to + j.joint + text
	}
	*j.to, j.given = text, true
	return nil
}

// help names the words that a setting takes, where its text does not.
func help(r setting.Row) string {
	var words []string
	for _, w := range r.Words {
		words = append(words, w.Word)
	}
	if text := strings.Join(words, ", "); text != "" && !strings.Contains(r.Help, text) {
		return r.Help + ": " + text
	}
	return r.Help
}

// fillSettings gives the settings that the command line left out their values: from FORGER_* variables, then from the
// config file, of which it returns what the run decided that it is of. It says where each setting was given.
func fillSettings(flags *pflag.FlagSet, all setting.Set, config string) (setting.Given, *trainer.Resolved, error) {
	given := setting.Given{}
	flags.Visit(func(f *pflag.Flag) { given[f.Name] = "--" + f.Name })
	for _, r := range all {
		variable := variableOf(r.Name)
		value := os.Getenv(variable)
		if value == "" || given.Has(r.Name) {
			continue
		}
		values := []string{value}
		if _, list := r.Value.(*[]string); list {
			values = strings.Split(value, ",")
		}
		if err := r.Parse(values...); err != nil {
			return nil, nil, setting.Usagef("%s=%s: %v: correct or unset it", variable, value, err)
		}
		given[r.Name] = variable
	}
	if config == "" {
		return given, nil, nil
	}
	repeat, err := fillFromFile(all, given, config)
	return given, repeat, err
}

func variableOf(name string) string {
	return prefix + strings.ToUpper(strings.ReplaceAll(name, "-", "_"))
}

const prefix = "FORGER_"

// strangers are the variables that begin as settings do and are none, with what they may have been meant for.
func strangers(environ []string) (all []string) {
	var whole gan.Config
	var measured bench.Options
	known := []string{"FORGER_LIB", "FORGER_DEBUG", "FORGER_PYTHON"}
	var names []string
	for _, r := range append(whole.Settings(), measured.Settings()...) {
		known, names = append(known, variableOf(r.Name)), append(names, r.Name)
	}
	for _, pair := range environ {
		variable, value, _ := strings.Cut(pair, "=")
		name, ours := strings.CutPrefix(variable, prefix)
		if !ours || value == "" || slices.Contains(known, variable) || strings.HasPrefix(variable, prefix+"TEST_") {
			continue
		}
		if guess, ok := strings.CutPrefix(setting.DidYouMean(name, names, ""), ": did you mean "); ok {
			variable += " (did you mean " + variableOf(strings.TrimSuffix(guess, "?")) + "?)"
		}
		all = append(all, variable)
	}
	slices.Sort(all)
	return all
}

// tellStrangers tells of variables that no setting reads.
func tellStrangers(cmd *cobra.Command) {
	if all := strangers(os.Environ()); len(all) > 0 {
		warner(cmd)("no setting is called " + strings.Join(all, ", ") + ": goes on without")
	}
}

// fillFromFile is fillSettings for a config file; it adds to given. A file may set what is no setting here, as that of a
// run does for a measurement.
func fillFromFile(all setting.Set, given setting.Given, config string) (*trainer.Resolved, error) {
	var whole gan.Config
	known := append(all, whole.Settings()...)
	lines, resolved, err := known.ReadFile(config)
	if err != nil {
		return nil, err
	}
	for _, l := range lines {
		r, ok := all.Find(l.Name)
		if !ok || given.Has(l.Name) {
			continue
		}
		if err := r.Parse(l.Values...); err != nil {
			return nil, setting.Usagef("--config %s: line %d: %s: %v", config, l.Line, l.Name, err)
		}
		given[l.Name] = fmt.Sprintf("--config %s: line %d: %s", config, l.Line, l.Name)
	}
	if resolved == "" {
		return nil, nil
	}
	// It is a run's own file, and repeats that run.
	all.AsBefore(func(name string) bool {
		return given.Has(name) || slices.ContainsFunc(lines, func(l setting.Line) bool { return l.Name == name })
	})
	repeat, err := trainer.ParseResolved(resolved)
	if err != nil {
		return nil, setting.Usagef("--config %s: %v", config, err)
	}
	return repeat, nil
}
