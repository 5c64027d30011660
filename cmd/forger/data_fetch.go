package main

import (
	"encoding/json"
	"fmt"
	"maps"
	"path/filepath"
	"slices"
	"strings"
	"text/tabwriter"
	"time"

	"forger/data/fetch"
	"forger/internal/setting"

	"github.com/spf13/cobra"
)

func newDataFetch() *cobra.Command {
	var o fetch.Options
	var asJSON, quiet bool
	cmd := &cobra.Command{
		Use:   "fetch NAME DIR",
		Short: "Download a well-known dataset and check its hashes",
		Long: "Download the files of a well-known dataset into DIR and check their SHA-256.\n\n" + setTable() +
			"\n\nA file has its name when it is whole and right. What is broken off lies in NAME.part, and the same command goes on with it.",
		Example: "  forger data fetch mnist datasets/mnist\n" +
			"  forger data fetch cifar10 datasets/cifar10 --url https://mirror.example/cifar-10-binary.tar.gz",
		Args: arguments(2),
		RunE: func(cmd *cobra.Command, args []string) error {
			set, ok := fetch.Sets[args[0]]
			if !ok {
				have := slices.Sorted(maps.Keys(fetch.Sets))
				return &setting.UsageError{Msg: fmt.Sprintf("%q: unknown dataset: have %s%s",
					args[0], strings.Join(have, ", "), setting.DidYouMean(args[0], have, ""))}
			}
			told := fetchMeter{cmd: cmd, quiet: quiet}
			o.Progress, o.Retrying, o.Warn = told.progress, told.retrying, warner(cmd)
			files, err := fetch.Get(cmd.Context(), set, args[1], o)
			told.end()
			if err != nil {
				return err
			}
			spec := fmt.Sprintf(set.Spec, filepath.Clean(args[1]))
			if asJSON {
				return json.NewEncoder(cmd.OutOrStdout()).Encode(map[string]any{"name": args[0], "spec": spec, "files": files})
			}
			if !quiet {
				concludeFetch(cmd, set, files, spec)
			}
			return nil
		},
	}
	f := cmd.Flags()
	f.SortFlags = false
	f.StringVar(&o.URL, "url", "", "take the files from here instead: the folder that holds them, or the file where there is one")
	f.BoolVar(&asJSON, "json", false, "say what is there as JSON, on standard output")
	f.BoolVar(&quiet, "quiet", false, "say nothing but errors")
	return cmd
}

// fetchMeter shows how much of each file is there.
type fetchMeter struct {
	cmd   *cobra.Command
	quiet bool
	m     *meter // nil: of no file yet
	of    string
}

func (f *fetchMeter) progress(name string, done, total int64) {
	if name != f.of {
		f.end()
		f.m, f.of = newMeter(newProgress(f.cmd.ErrOrStderr(), f.quiet), name, "bytes"), name
	}
	f.m.set(done, total)
}

func (f *fetchMeter) retrying(address string, why error, in time.Duration) {
	if f.quiet {
		return
	}
	f.end()
	fmt.Fprintf(f.cmd.ErrOrStderr(), "%s: %s: again in %s\n", address, oneLine(why), in)
}

func (f *fetchMeter) end() {
	if f.m != nil {
		f.m.end()
	}
	f.m, f.of = nil, ""
}

// concludeFetch says what is there and how to name it.
func concludeFetch(cmd *cobra.Command, set fetch.Set, files []fetch.Result, spec string) {
	w := cmd.ErrOrStderr()
	for _, f := range files {
		how := "fetched"
		if !f.Fetched {
			how = "was there"
		}
		fmt.Fprintf(w, "%s: %s, %d bytes, SHA-256 is right\n", f.Name, how, f.Bytes)
	}
	if set.Terms != "" {
		fmt.Fprintln(w, set.Terms)
	}
	fmt.Fprintf(w, "use it as --data %s\n", quoted(spec))
}

// setTable lists the datasets, a line each.
func setTable() string {
	var b strings.Builder
	t := tabwriter.NewWriter(&b, 0, 0, 2, ' ', 0)
	for _, name := range slices.Sorted(maps.Keys(fetch.Sets)) {
		size := int64(0)
		for _, f := range fetch.Sets[name].Files {
			size += f.Size
		}
		fmt.Fprintf(t, "  %s\t%s\t%.0f MB\n", name, fetch.Sets[name].Doc, float64(size)/1e6)
	}
	// Writing to a Builder cannot fail.
	_ = t.Flush()
	return strings.TrimRight(b.String(), "\n")
}
