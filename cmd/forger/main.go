// Command forger trains, evaluates and exports generative models on libtorch: GANs, variational autoencoders, autoregressive models.
package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"runtime/debug"
	"strconv"
	"strings"

	"forger/gan/together"
	"forger/internal/setting"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"
)

// Exit codes, as the contract has them.
const (
	exitDone    = 0
	exitFailed  = 1  // it took the disk, the data or the device to find out
	exitUsage   = 2  // the command line and the config alone show it
	exitLost    = 75 // a rank of the run was lost: the same again, with --resume, may do
	exitAborted = 130
)

func main() {
	ctx, stop := withSignals(context.Background(), func() { os.Exit(exitAborted) })
	code := run(ctx, os.Args[1:], os.Stdout, os.Stderr)
	stop()
	os.Exit(code)
}

// run executes a command line and returns its exit code. What went wrong is one line on stderr.
func run(ctx context.Context, args []string, stdout, stderr io.Writer) (code int) {
	defer func() {
		if p := recover(); p != nil {
			fmt.Fprintf(stderr, "forger: internal error: %v: please report it, with the output of FORGER_DEBUG=1\n", p)
			if os.Getenv("FORGER_DEBUG") != "" {
				fmt.Fprintf(stderr, "%s", debug.Stack())
			}
			code = exitFailed
		}
	}()
	root := newRoot()
	root.SetArgs(args)
	root.SetOut(stdout)
	root.SetErr(stderr)
	cmd, err := root.ExecuteContextC(ctx)
	if err == nil {
		return exitDone
	}
	if ctx.Err() != nil && errors.Is(err, context.Canceled) {
		fmt.Fprintln(stderr, "forger: interrupted: no file is half-written")
		return exitAborted
	}
	name := strings.TrimPrefix(cmd.CommandPath(), "forger")
	fmt.Fprintf(stderr, "forger:%s %s\n", colon(strings.TrimSpace(name)), oneLine(err))
	var usage *setting.UsageError
	var lost *together.LostError
	switch {
	case errors.As(err, &usage):
		return exitUsage
	case errors.As(err, &lost):
		return exitLost
	}
	return exitFailed
}

func colon(name string) string {
	if name == "" {
		return ""
	}
	return " " + name + ":"
}

func oneLine(err error) string { return strings.Join(strings.Fields(err.Error()), " ") }

func newRoot() *cobra.Command {
	root := &cobra.Command{
		Use:   "forger",
		Short: "Train, evaluate and export generative models on libtorch",
		Long: "forger trains, evaluates and exports generative models on libtorch: GANs, variational autoencoders, autoregressive models.\n\n" +
			"Settings come from, first to last: flags, FORGER_* environment variables (FORGER_BATCH=32), the --config file, defaults.",
		SilenceUsage:  true,
		SilenceErrors: true,
		Args:          arguments(0),
		RunE:          func(cmd *cobra.Command, _ []string) error { return cmd.Help() },
	}
	root.SetFlagErrorFunc(flagError)
	root.CompletionOptions.DisableDefaultCmd = true
	root.SetHelpCommand(newHelp())
	root.AddCommand(newTrain())
	for _, c := range []*cobra.Command{newSample(), newInterpolate(), newExport(), newEval(), newCompare(), newFilm(), newBench()} {
		c.PreRunE = ofOneProcess
		root.AddCommand(c)
	}
	root.AddCommand(newWatch(), newReport(), newCheckpoint(), newData(), newDoctor(), newVersion())
	return root
}

// newHelp is cobra's help, but a command that does not exist is an error.
func newHelp() *cobra.Command {
	return &cobra.Command{
		Use:   "help [COMMAND]",
		Short: "Help about a command",
		RunE: func(cmd *cobra.Command, args []string) error {
			about, rest, err := cmd.Root().Find(args)
			if err != nil {
				return err
			}
			if len(rest) > 0 {
				return about.Args(about, rest)
			}
			return about.Help()
		},
	}
}

// flagError is a wrong flag as a usage error that says which help to read.
func flagError(cmd *cobra.Command, err error) error {
	text := err.Error()
	var number *strconv.NumError
	if errors.As(err, &number) {
		text = fmt.Sprintf("%s: %q is not a number that fits", strings.SplitN(text, ": strconv", 2)[0], number.Num)
	}
	if name, ok := strings.CutPrefix(text, "unknown flag: --"); ok {
		var have []string
		cmd.Flags().VisitAll(func(f *pflag.Flag) { have = append(have, f.Name) })
		text = fmt.Sprintf("unknown flag --%s%s", name, setting.DidYouMean(name, have, "--"))
	}
	return setting.Usagef("%s: see `%s --help`", text, cmd.CommandPath())
}

// arguments wants exactly n words after the flags. On the root a word is a command that does not exist.
func arguments(n int) cobra.PositionalArgs {
	return func(cmd *cobra.Command, args []string) error {
		switch {
		case len(args) == n:
			return nil
		case cmd.HasSubCommands() && len(args) > 0:
			var have []string
			for _, c := range cmd.Commands() {
				have = append(have, c.Name())
			}
			return &setting.UsageError{Msg: fmt.Sprintf("unknown command %q: have %s%s",
				args[0], strings.Join(have, ", "), setting.DidYouMean(args[0], have, ""))}
		}
		return setting.Usagef("%d arguments given, %d wanted: usage: %s", len(args), n, cmd.UseLine())
	}
}
