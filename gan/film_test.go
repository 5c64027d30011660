package gan

import (
	"fmt"
	"image/gif"
	"os"
	"os/exec"
	"path/filepath"
	"testing"

	"forger/vision"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// grids is a run's directory with so many grids of gray, or of RGB in more colours than a GIF has.
func grids(t *testing.T, n, channels int) (dir string) {
	t.Helper()
	dir = t.TempDir()
	require.NoError(t, os.Mkdir(filepath.Join(dir, "samples"), 0o755))
	for i := range n {
		m := vision.Image{Height: 20, Width: 81, Channels: channels, Pix: make([]byte, 20*81*channels)}
		for k := range m.Pix {
			m.Pix[k] = byte(k*(1+i) + 100*i)
		}
		require.NoError(t, vision.SavePNG(filepath.Join(dir, "samples", fmt.Sprintf("step-%08d.png", 500*(i+1))), m))
	}
	require.NoError(t, vision.SavePNG(filepath.Join(dir, "samples", "real.png"), vision.Image{Height: 1, Width: 1, Channels: 1, Pix: []byte{0}}))
	return dir
}

// A film shows the grids in their order, the step below each, and holds the last.
func TestAFilmShowsTheGrids(t *testing.T) {
	dir := grids(t, 5, 1)
	out := filepath.Join(t.TempDir(), "film.gif")
	shown, of, err := Film(t.Context(), FilmOptions{Run: dir, Out: out, Rate: 10, Frames: 2})
	require.NoError(t, err)
	assert.Equal(t, []int{2, 5}, []int{shown, of})
	f, err := os.Open(out)
	require.NoError(t, err)
	defer f.Close()
	film, err := gif.DecodeAll(f)
	require.NoError(t, err)
	assert.Equal(t, []int{10, 210}, film.Delay)
	for i, step := range []int{1000, 2500} {
		want := vision.Image{Height: 20, Width: 81, Channels: 1, Pix: make([]byte, 20*81)}
		n := step/500 - 1
		for k := range want.Pix {
			want.Pix[k] = byte(k*(1+n) + 100*n)
		}
		assert.Equal(t, vision.Caption(want, fmt.Sprintf("step %d", step)).Pix, film.Image[i].Pix, step)
	}
	_, _, err = Film(t.Context(), FilmOptions{Run: grids(t, 3, 3), Out: out, Rate: 8, Frames: 9})
	assert.NoError(t, err, "colours, over the old film")
}

func TestAFilmThatCannotBeIsTold(t *testing.T) {
	dir := grids(t, 2, 1)
	require.NoError(t, vision.SavePNG(filepath.Join(dir, "samples", "step-00009000.png"), vision.Image{Height: 9, Width: 9, Channels: 1, Pix: make([]byte, 81)}))
	out := filepath.Join(t.TempDir(), "film.gif")
	for want, o := range map[string]FilmOptions{
		"neither .gif nor .mp4":              {Run: dir, Out: "film.webm", Rate: 8, Frames: 9},
		"--fps 0: use 1 to 50":               {Run: dir, Out: out, Frames: 9},
		"--frames 0: too few":                {Run: dir, Out: out, Rate: 8},
		"not the size of the grids":          {Run: dir, Out: out, Rate: 8, Frames: 9},
		"no grids in its samples: name a ru": {Run: t.TempDir(), Out: out, Rate: 8, Frames: 9},
	} {
		_, _, err := Film(t.Context(), o)
		assert.ErrorContains(t, err, want)
		assert.NoFileExists(t, out)
	}
}

func TestAFilmAsMP4(t *testing.T) {
	out := filepath.Join(t.TempDir(), "film.mp4")
	o := FilmOptions{Run: grids(t, 3, 3), Out: out, Rate: 8, Frames: 9}
	if _, err := exec.LookPath("ffmpeg"); err != nil {
		_, _, err := Film(t.Context(), o)
		assert.ErrorContains(t, err, "it takes ffmpeg, which is not installed: install it, or name a .gif")
		t.Skip("SKIPPED: no ffmpeg here: no film as MP4 is made")
	}
	_, _, err := Film(t.Context(), o)
	require.NoError(t, err)
	probe, err := exec.Command("ffprobe", "-v", "error", "-count_frames", "-show_entries", "stream=width,height,nb_read_frames", "-of", "csv=p=0", out).Output()
	require.NoError(t, err)
	assert.Equal(t, "82,38,19\n", string(probe), "even sides; three grids, and the last for two seconds more")
}
