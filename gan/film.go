package gan

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"

	"forger/gan/rundir"
	"forger/internal/atomicfile"
	"forger/internal/setting"
	"forger/vision"
)

// FilmOptions say which film to make.
type FilmOptions struct {
	Run    string // its directory
	Out    string // .gif, or .mp4 where ffmpeg is
	Rate   int    // frames a second
	Frames int    // at most
}

// filmHold is how many seconds the last grid stays.
const filmHold = 2

// Film shows a run's sample grids one after the other, each with its step below; of more than Frames some, evenly, and
// always the last. It returns how many it shows, and of how many.
func Film(ctx context.Context, o FilmOptions) (shown, of int, err error) {
	ending := strings.ToLower(filepath.Ext(o.Out))
	switch {
	case ending != ".gif" && ending != ".mp4":
		return 0, 0, setting.Usagef("--out %s: neither .gif nor .mp4: name one of them", o.Out)
	case o.Rate < 1 || o.Rate > 50:
		return 0, 0, setting.Usagef("--fps %d: use 1 to 50", o.Rate)
	case o.Frames < 1:
		return 0, 0, setting.Usagef("--frames %d: too few: use 1 or more", o.Frames)
	}
	paths, err := (&rundir.Dir{Path: o.Run}).Pictures()
	if err == nil && len(paths) == 0 {
		err = fmt.Errorf("%s: no grids in its samples: name a run's directory", o.Run)
	}
	if err != nil {
		return 0, 0, err
	}
	of = len(paths)
	paths = evenly(paths, o.Frames)
	frames, one, err := filmFrames(ctx, paths)
	if err != nil {
		return 0, 0, err
	}
	if ending == ".mp4" {
		return len(frames), of, saveMP4(ctx, o, frames, one)
	}
	return len(frames), of, vision.SaveGIF(o.Out, frames, one.Height, one.Width, one.Channels, (100+o.Rate/2)/o.Rate, 100*filmHold)
}

// evenly is at most n of all, the last among them.
func evenly(all []string, n int) (some []string) {
	if len(all) <= n {
		return all
	}
	for i := range n {
		some = append(some, all[(i+1)*len(all)/n-1])
	}
	return some
}

// filmFrames reads grids of one size: uint8 [H,W,C] each; one is the size.
func filmFrames(ctx context.Context, paths []string) (frames [][]byte, one vision.Image, err error) {
	for _, path := range paths {
		if err := ctx.Err(); err != nil {
			return nil, one, fmt.Errorf("film: %w", err)
		}
		m, err := readGrid(path)
		if err != nil {
			return nil, one, err
		}
		step, _ := rundir.StepOf(filepath.Base(path))
		m = vision.Caption(m, fmt.Sprintf("step %d", step))
		if frames != nil && (m.Height != one.Height || m.Width != one.Width || m.Channels != one.Channels) {
			return nil, one, fmt.Errorf("%s: it has not the size of the grids before it: set it aside", path)
		}
		one = vision.Image{Height: m.Height, Width: m.Width, Channels: m.Channels}
		frames = append(frames, m.Pix)
	}
	return frames, one, nil
}

func readGrid(path string) (m vision.Image, err error) {
	text, err := os.ReadFile(path)
	if err != nil {
		return m, err
	}
	if m, err = vision.Decode(text, 3); err != nil {
		return m, fmt.Errorf("%s: %w", path, err)
	}
	for i := 0; i < len(m.Pix); i += 3 {
		if m.Pix[i] != m.Pix[i+1] || m.Pix[i] != m.Pix[i+2] {
			return m, nil
		}
	}
	return vision.Decode(text, 1) // all of it is gray
}

// saveMP4 has ffmpeg write the frames to a file beside, and renames it.
func saveMP4(ctx context.Context, o FilmOptions, frames [][]byte, one vision.Image) error {
	ffmpeg, err := exec.LookPath("ffmpeg")
	if err != nil {
		return fmt.Errorf("--out %s: it takes ffmpeg, which is not installed: install it, or name a .gif", o.Out)
	}
	format := map[int]string{1: "gray", 3: "rgb24"}[one.Channels]
	for range filmHold * o.Rate {
		frames = append(frames, frames[len(frames)-1])
	}
	dir, err := os.MkdirTemp(filepath.Dir(o.Out), ".film-")
	if err != nil {
		return fmt.Errorf("%s: %w", o.Out, atomicfile.Bare(err))
	}
	defer os.RemoveAll(dir)
	beside := filepath.Join(dir, "film.mp4")
	cmd := exec.CommandContext(ctx, ffmpeg, "-loglevel", "error", "-f", "rawvideo", "-pix_fmt", format, "-s", fmt.Sprintf("%dx%d", one.Width, one.Height),
		"-r", fmt.Sprint(o.Rate), "-i", "-", "-vf", "pad=ceil(iw/2)*2:ceil(ih/2)*2", "-pix_fmt", "yuv420p", "-movflags", "+faststart", beside)
	var said bytes.Buffer
	cmd.Stdin, cmd.Stderr = bytes.NewReader(bytes.Join(frames, nil)), &said
	if err := cmd.Run(); err != nil {
		return fmt.Errorf("%s: ffmpeg: %w: %s", o.Out, errors.Join(ctx.Err(), err), strings.TrimSpace(said.String()))
	}
	return os.Rename(beside, o.Out)
}
