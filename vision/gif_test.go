package vision

import (
	"bytes"
	"image/gif"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// python is the interpreter with Pillow and torchvision.
func python(t *testing.T) string {
	t.Helper()
	path := os.Getenv("FORGER_PYTHON")
	if path == "" {
		t.Skip("SKIPPED: FORGER_PYTHON is not set: nothing is compared with Pillow itself")
	}
	return path
}

// walk is frames like those of an interpolation: smooth, changing a little from one to the next.
func walk(frames, h, w, c int) [][]byte {
	var out [][]byte
	for n := range frames {
		f := make([]byte, h*w*c)
		for y := range h {
			for x := range w {
				for k := range c {
					f[(y*w+x)*c+k] = byte(x*255/w*(3-k)/3 + y*(k+1)*80/h + n*(k+2)*3)
				}
			}
		}
		out = append(out, f)
	}
	return out
}

func TestPillowReadsOurGIFs(t *testing.T) {
	interpreter := python(t)
	few := walk(5, 9, 14, 3)
	for _, f := range few {
		for i := range f {
			f[i] = f[i] / 64 * 85 // at most 64 colours
		}
	}
	for name, c := range map[string]struct {
		frames         [][]byte
		h, w, c, delay int
		mode           string
	}{
		"gray":        {walk(7, 12, 17, 1), 12, 17, 1, 8, "exact"},
		"few colours": {few, 9, 14, 3, 4, "exact"},
		"one frame":   {walk(1, 5, 6, 3), 5, 6, 3, 10, "exact"},
		"colours":     {walk(12, 64, 64, 3), 64, 64, 3, 5, "close"},
	} {
		t.Run(name, func(t *testing.T) {
			dir := t.TempDir()
			file, raw := filepath.Join(dir, "walk.gif"), filepath.Join(dir, "raw")
			require.NoError(t, SaveGIF(file, c.frames, c.h, c.w, c.c, c.delay, 0))
			require.NoError(t, os.WriteFile(raw, slices.Concat(c.frames...), 0o666))
			args := []string{"testdata/check_gif.py", file, raw}
			for _, n := range []int{len(c.frames), c.h, c.w, c.c, c.delay} {
				args = append(args, strconv.Itoa(n))
			}
			out, err := exec.Command(interpreter, append(args, c.mode)...).CombinedOutput()
			require.NoError(t, err, string(out))
			t.Logf("%s", out)
		})
	}
}

// One colour, one index, in every frame: nothing that stands still changes.
func TestGIFDoesNotFlicker(t *testing.T) {
	frames := walk(6, 40, 40, 3)
	for _, f := range frames {
		copy(f[:40*20*3], frames[0]) // the upper half stands still
	}
	var b bytes.Buffer
	require.NoError(t, encodeGIF(&b, frames, 40, 40, 3, 5, 95))
	g, err := gif.DecodeAll(&b)
	require.NoError(t, err)
	require.Len(t, g.Image, 6)
	assert.Equal(t, []int{5, 5, 5, 5, 5, 100}, g.Delay)
	for i, m := range g.Image {
		assert.Equal(t, g.Image[0].Pix[:40*20], m.Pix[:40*20])
		assert.Equal(t, g.Config.ColorModel, m.Palette, "frame %d has a palette of its own", i)
	}
}

func TestSaveGIFSaysWhatIsWrong(t *testing.T) {
	path := filepath.Join(t.TempDir(), "walk.gif")
	frame := make([]byte, 12)
	for _, c := range []struct {
		want           string
		frames         [][]byte
		h, w, c, delay int
	}{
		{"vision: gif: no frames: give at least one", nil, 2, 2, 3, 5},
		{"vision: gif: 2 channels: give 1 or 3", [][]byte{frame}, 2, 3, 2, 5},
		{"vision: gif: frame 1 has 5 bytes: 2x2x3 need 12", [][]byte{frame, frame[:5]}, 2, 2, 3, 5},
		{"vision: gif: 0x2: sides go from 1 to 65535", [][]byte{nil}, 2, 0, 3, 5},
		{"vision: gif: a delay of -1 hundredths of a second: give 0 to 65535", [][]byte{frame}, 2, 2, 3, -1},
	} {
		assert.EqualError(t, SaveGIF(path, c.frames, c.h, c.w, c.c, c.delay, 0), c.want)
	}
	assert.NoFileExists(t, path)
}

// A strip is a grid with a column a frame.
func TestGridOfOneRowIsAStrip(t *testing.T) {
	frames := walk(5, 3, 4, 3)
	g := Grid(slices.Concat(frames...), 5, 3, 4, 3, 5)
	assert.Equal(t, 3+2*gridPadding, g.Height)
	assert.Equal(t, 5*(4+gridPadding)+gridPadding, g.Width)
	for i, f := range frames {
		for y := range 3 {
			at := ((gridPadding+y)*g.Width + gridPadding + i*(4+gridPadding)) * 3
			assert.Equal(t, f[y*12:(y+1)*12], g.Pix[at:at+12])
		}
	}
}
