package vision

import (
	"bytes"
	"encoding/json"
	"errors"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// photograph is a JPEG and torchvision's Resize and CenterCrop of it.
type photograph struct {
	File, Want           []byte
	Size, Crop, Channels int
	Shape                string
}

func photographs(t *testing.T) []photograph {
	t.Helper()
	interpreter := python(t)
	zip := filepath.Join("..", "..", "shared", "data", "cifar10-jpeg", "train.zip")
	if _, err := os.Stat(zip); err != nil {
		t.Skipf("SKIPPED: %s is not there: real photographs are not compared with torchvision", zip)
	}
	out, err := exec.Command(interpreter, "testdata/torchvision_fit.py", zip).Output()
	require.NoError(t, err)
	var all []photograph
	for lines := json.NewDecoder(bytes.NewReader(out)); ; {
		var p photograph
		err := lines.Decode(&p)
		if errors.Is(err, io.EOF) {
			break
		}
		require.NoError(t, err)
		all = append(all, p)
	}
	require.Greater(t, len(all), 900)
	return all
}

// turboIsIn says which of two limits is the decoder's.
func turboIsIn() bool { return strings.HasPrefix(Decoder, "libjpeg-turbo ") }

func TestFitIsTorchvisionsOnPhotographs(t *testing.T) {
	all := photographs(t)
	limit := 2.0
	if turboIsIn() {
		limit = .3
	}
	for name, c := range map[string]struct {
		fast  bool
		limit float64
	}{Decoder: {false, limit}, Decoder + ", fast": {true, 2}} {
		sum, most, worst := 0.0, 0.0, photograph{}
		for _, p := range all {
			r := NewReader(Options{Channels: p.Channels, CropBefore: p.Crop, FastDecode: c.fast})
			got := make([]byte, p.Size*p.Size*p.Channels)
			require.NoError(t, r.Fit(got, p.File, Square(p.Size)))
			require.Len(t, p.Want, len(got))
			mean, _ := off(got, p.Want)
			assert.Less(t, mean, c.limit, "%s: %s to %d, crop %d, %d channels", name, p.Shape, p.Size, p.Crop, p.Channels)
			sum += mean
			if mean > most {
				most, worst = mean, p
			}
		}
		t.Logf("%s: off by %.3f of 255 in the mean over %d pictures, at most %.3f (%s to %d, crop %d)",
			name, sum/float64(len(all)), len(all), most, worst.Shape, worst.Size, worst.Crop)
	}
}
