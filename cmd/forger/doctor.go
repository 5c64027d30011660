package main

import (
	"errors"
	"fmt"
	"io"
	"runtime"
	"strings"
	"text/tabwriter"

	"forger/internal/release"
	"forger/torch"
	"forger/vision"

	"github.com/spf13/cobra"
)

func newDoctor() *cobra.Command {
	return &cobra.Command{
		Use:   "doctor",
		Short: "What libtorch, devices and codecs are found, and what is missing",
		Args:  arguments(0),
		RunE: func(cmd *cobra.Command, _ []string) error {
			r := torch.Probe()
			if err := describeMachine(cmd.OutOrStdout(), r); err != nil {
				return err
			}
			if r.ShimError != "" {
				return errors.New("nothing can be trained here: " + r.ShimError)
			}
			return nil
		},
	}
}

func describeMachine(w io.Writer, r torch.Report) error {
	t := tabwriter.NewWriter(w, 0, 0, 2, ' ', 0)
	fmt.Fprintf(t, "forger\t%s, %s, %d cores\n", release.Version(), runtime.Version(), runtime.NumCPU())
	fmt.Fprintf(t, "images\t%s; JPEG by %s\n", strings.Join(vision.Formats(), ", "), vision.Decoder)
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
