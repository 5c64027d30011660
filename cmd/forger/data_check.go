package main

import (
	"encoding/json"
	"fmt"
	"io"
	"time"

	"forger/data"
	"forger/vision"

	"github.com/schollz/progressbar/v3"
	"github.com/spf13/cobra"
)

// checkSide is the side image files are brought to while they are checked, where --size does not say.
const checkSide = 32

func newDataCheck() *cobra.Command {
	var s source
	var c data.CheckOptions
	asJSON, quiet := false, false
	cmd := &cobra.Command{
		Use:   "check SPEC",
		Short: "Read every image once and list those that are broken or cannot be read; exit code 1 when there are any",
		Args:  arguments(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			if _, _, src, err := data.Parse(args[0]); err == nil && src.Decodes && s.Size.IsZero() { // others hold one size, or points
				s.Size = vision.Square(checkSide)
			}
			s.Unpacking = unpackingOn(cmd.ErrOrStderr(), quiet)
			ds, err := s.open(args[0])
			if err != nil {
				return err
			}
			defer ds.Close()
			end := func() {}
			if !quiet {
				c.Done, end = checkProgress(cmd.ErrOrStderr(), ds.Len())
			}
			report, err := data.Check(cmd.Context(), ds, c)
			end()
			if err != nil {
				return err
			}
			return printReport(cmd.OutOrStdout(), report, elements(ds), asJSON)
		},
	}
	f := cmd.Flags()
	f.SortFlags = false
	f.BoolVar(&asJSON, "json", false, "an object with spec, fingerprint, images and broken and unread: image, file, error of each")
	f.BoolVar(&quiet, "quiet", false, "no progress")
	f.IntVar(&c.Workers, "workers", 0, "how many images are read at once (default: the cores)")
	f.Var(&s.Size, "size", fmt.Sprintf("image side, or HEIGHTxWIDTH (default: %d for image files, else the source's own)", checkSide))
	f.IntVar(&s.Channels, "channels", 0, "1 or 3 (default: the source's)")
	s.seedFlag(cmd, "which images --limit leaves")
	s.selectionFlags(cmd)
	return cmd
}

// printReport tells what was found among the elements, images or points.
func printReport(w io.Writer, r data.Report, elements string, asJSON bool) error {
	if asJSON {
		e := json.NewEncoder(w)
		e.SetIndent("", "  ")
		e.SetEscapeHTML(false)
		if err := e.Encode(r); err != nil {
			return err
		}
	} else {
		if err := listBroken(w, r.Broken, ""); err != nil {
			return err
		}
		if err := listBroken(w, r.Unread, "not read: "); err != nil {
			return err
		}
		found := fmt.Sprintf("%d %s, %d broken", r.Images, elements, len(r.Broken))
		if n := len(r.Unread); n > 0 {
			found += fmt.Sprintf(", %d not read", n)
		}
		if r.Distinct > 0 {
			found += fmt.Sprintf(", %d distinct", r.Distinct)
		}
		if _, err := fmt.Fprintln(w, found); err != nil {
			return err
		}
		if err := listAlike(w, r.Alike); err != nil {
			return err
		}
	}
	if n := len(r.Unread); n > 0 {
		return fmt.Errorf("%s: %d of %d images could not be read, which says nothing of what is in them: see to what keeps them from being read (the first: %s), and check again",
			r.Spec, n, r.Images, r.Unread[0].Error)
	}
	if n := len(r.Broken); n > 0 {
		return fmt.Errorf("%s: %d of %d images are broken: mend or remove them, or train with --skip-corrupt %d", r.Spec, n, r.Images, n)
	}
	return nil
}

// mostAlike is how many of those that are like others are listed.
const mostAlike = 20

// listAlike writes a line for each image that is like one before it, up to mostAlike.
func listAlike(w io.Writer, all []data.Alike) error {
	nearly := 0
	for i, a := range all {
		if !a.Same {
			nearly++
		}
		if i >= mostAlike {
			continue
		}
		name, like, how := a.File, a.Like, "nearly the same as"
		if a.Same {
			how = "the same as"
		}
		if name == "" {
			name, like = fmt.Sprintf("image %d", a.Image), fmt.Sprintf("image %d", a.Before)
		}
		if _, err := fmt.Fprintf(w, "%s: %s %s\n", name, how, like); err != nil {
			return err
		}
	}
	if len(all) == 0 {
		return nil
	}
	_, err := fmt.Fprintf(w, "warning: %d are the same as one before them and %d nearly (the first %d are above; --json lists all): copies weigh more in training\n",
		len(all)-nearly, nearly, min(len(all), mostAlike))
	return err
}

// listBroken writes a line each, with what sort it is.
func listBroken(w io.Writer, all []data.Broken, sort string) error {
	for _, b := range all {
		name := b.File
		if name == "" {
			name = fmt.Sprintf("image %d", b.Image)
		}
		if _, err := fmt.Fprintf(w, "%s: %s%s\n", name, sort, b.Error); err != nil {
			return err
		}
	}
	return nil
}

// checkProgress shows how many images were read: a live line on a terminal, a line each tenth elsewhere.
func checkProgress(w io.Writer, total int) (done func(int), end func()) {
	if t := terminalOn(w); t != nil {
		bar := progressbar.NewOptions(total, progressbar.OptionSetWriter(t), progressbar.OptionShowCount(),
			progressbar.OptionSetPredictTime(true), progressbar.OptionThrottle(100*time.Millisecond), progressbar.OptionSetWidth(30),
			progressbar.OptionUseANSICodes(true), progressbar.OptionSetDescription("checking"))
		// The bar writes to a terminal; a terminal that is gone does not stop a check.
		return func(count int) { _ = bar.Set(count) }, func() { fmt.Fprintln(w) }
	}
	tenths := 0
	return func(count int) {
		if now := int(int64(count) * 10 / int64(total)); now > tenths {
			tenths = now
			fmt.Fprintf(w, "checked %d/%d\n", count, total)
		}
	}, func() {}
}
