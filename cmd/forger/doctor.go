package main

import (
	"errors"
	"fmt"
	"io"
	"os"
	"runtime"
	"strings"
	"text/tabwriter"

	"forger/internal/rank"
	"forger/internal/release"
	"forger/torch"
	"forger/vision"

	"github.com/spf13/cobra"
)

func newDoctor() *cobra.Command {
	return &cobra.Command{
		Use:   "doctor",
		Short: "What libtorch, devices, codecs and ranks are found, and what is missing",
		Args:  arguments(0),
		RunE: func(cmd *cobra.Command, _ []string) error {
			r := torch.Probe()
			world, wrong := rank.FromEnv(os.LookupEnv)
			if err := describeMachine(cmd.OutOrStdout(), r, world, wrong); err != nil {
				return err
			}
			if r.ShimError != "" {
				return errors.New("nothing can be trained here: " + r.ShimError)
			}
			return wrong
		},
	}
}

func describeMachine(w io.Writer, r torch.Report, world rank.World, wrong error) error {
	t := tabwriter.NewWriter(w, 0, 0, 2, ' ', 0)
	fmt.Fprintf(t, "forger\t%s, %s, %d cores\n", release.Version(), runtime.Version(), runtime.NumCPU())
	fmt.Fprintf(t, "images\t%s; JPEG by %s\n", strings.Join(vision.Formats(), ", "), vision.Decoder)
	if wrong != nil {
		fmt.Fprintf(t, "ranks\twrong: %s\n", strings.TrimPrefix(wrong.Error(), "ranks: "))
	} else {
		fmt.Fprintf(t, "ranks\t%s\n", world)
	}
	if r.ShimError != "" {
		fmt.Fprintf(t, "libtorch\tmissing: %s\n", r.ShimError)
		return t.Flush()
	}
	fmt.Fprintf(t, "shim\t%s, built for libtorch %s\n", r.ShimPath, r.BuiltFor)
	fmt.Fprintf(t, "libtorch\t%s, %d threads\n", r.LibtorchVersion, r.Threads)
	fmt.Fprintf(t, "cpu\tready, %s convolutions\n", r.Conv)
	if r.CUDA.Available {
		for _, d := range r.CUDA.Devices {
			fmt.Fprintf(t, "cuda\t%s\n", d)
		}
	} else {
		fmt.Fprintf(t, "cuda\tmissing: %s\n", r.CUDA.Why)
	}
	return t.Flush()
}
