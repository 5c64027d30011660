package main

import (
	"fmt"

	"forger/gan"

	"github.com/spf13/cobra"
)

func newFilm() *cobra.Command {
	o := gan.FilmOptions{Rate: 8, Frames: 600}
	cmd := &cobra.Command{
		Use:     "film RUN --out film.gif",
		Short:   "The sample grids of a run as an animated GIF",
		Example: "  forger film runs/0000-dcgan-glyphs --out film.gif",
		Args:    arguments(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			if err := wanted("out", o.Out, "the film to write: a .gif, or a .mp4 where ffmpeg is installed"); err != nil {
				return err
			}
			o.Run = args[0]
			shown, of, err := gan.Film(cmd.Context(), o)
			if err != nil {
				return err
			}
			fmt.Fprintf(cmd.ErrOrStderr(), "wrote %s: %d of %d grids\n", o.Out, shown, of)
			return nil
		},
	}
	f := cmd.Flags()
	f.SortFlags = false
	f.StringVar(&o.Out, "out", "", "a .gif, or a .mp4 where ffmpeg is installed")
	f.IntVar(&o.Rate, "fps", o.Rate, "grids a second; the last one is held for two")
	f.IntVar(&o.Frames, "frames", o.Frames, "at most so many; of more grids some, evenly")
	return cmd
}
