package main

import (
	"errors"
	"fmt"
	"maps"
	"os"
	"slices"
	"strconv"
	"strings"

	"forger/gan"

	"github.com/spf13/pflag"
)

// addFields makes a flag of each setting; its default is what the field holds.
func addFields(flags *pflag.FlagSet, fields []gan.Field) {
	flags.SortFlags = false
	for _, f := range fields {
		switch v := f.Value.(type) {
		case *string:
			flags.StringVar(v, f.Name, *v, f.Help)
		case *int:
			flags.IntVar(v, f.Name, *v, f.Help)
		case *int64:
			flags.Int64Var(v, f.Name, *v, f.Help)
		case *uint64:
			flags.Uint64Var(v, f.Name, *v, f.Help)
		case *float64:
			flags.Float64Var(v, f.Name, *v, f.Help)
		case *bool:
			flags.BoolVar(v, f.Name, *v, f.Help)
		default:
			panic(fmt.Sprintf("setting %s has a type without a flag: %T", f.Name, f.Value))
		}
	}
}

// fillSettings gives the flags that the command line left out their values: from FORGER_* variables, then from the
// config file. It returns the names of the settings that were given in any of these ways.
func fillSettings(flags *pflag.FlagSet, fields []gan.Field, config string) ([]string, error) {
	given := map[string]bool{}
	flags.Visit(func(f *pflag.Flag) { given[f.Name] = true })
	for _, f := range fields {
		variable := "FORGER_" + strings.ToUpper(strings.ReplaceAll(f.Name, "-", "_"))
		value := os.Getenv(variable)
		if value == "" || given[f.Name] {
			continue
		}
		if err := flags.Set(f.Name, value); err != nil {
			return nil, &gan.UsageError{Msg: fmt.Sprintf("%s=%s: %v: correct or unset it", variable, value, reason(err))}
		}
		given[f.Name] = true
	}
	if config != "" {
		if err := fillFromFile(flags, given, config); err != nil {
			return nil, err
		}
	}
	return slices.Sorted(maps.Keys(given)), nil
}

// fillFromFile is fillSettings for a config file; it adds to given.
func fillFromFile(flags *pflag.FlagSet, given map[string]bool, config string) error {
	settings, err := gan.ReadConfig(config)
	if err != nil {
		return err
	}
	for _, s := range settings {
		if given[s.Name] {
			continue
		}
		if err := flags.Set(s.Name, s.Value); err != nil {
			return &gan.UsageError{Msg: fmt.Sprintf("--config %s: line %d: %s: %v", config, s.Line, s.Name, reason(err))}
		}
		given[s.Name] = true
	}
	return nil
}

// reason is what pflag says after "invalid argument ... for ... flag".
func reason(err error) string {
	text := err.Error()
	if _, after, ok := strings.Cut(text, "flag: "); ok {
		text = after
	}
	var number *strconv.NumError
	if errors.As(err, &number) {
		text = fmt.Sprintf("%q is not a number that fits", number.Num)
	}
	return text
}
