package gan

import (
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"time"

	"forger/data"
	"forger/torch"
)

const (
	defaultLayout    = "channels_last"
	worthChanging    = .9 // of the default's time: what is closer is a tie, and a tie goes to the default
	calibrationBatch = 8  // images at most
)

// chooseLayout finds the layout in which the step of cfg is faster on this processor, with those
// convolutions. What it found is kept in the
// user's cache directory, so that the same config has the same layout each time.
func chooseLayout(cfg Config, shape data.Shape, conv string) (string, error) {
	key := calibrationKey(cfg, shape, conv)
	path, known := readCalibration()
	if layout, ok := known[key]; ok && layouts[layout] != 0 {
		return layout, nil
	}
	times := map[string]float64{}
	for range 3 { // in turn: what disturbs one disturbs the other
		for layout := range layouts {
			seconds, err := stepSeconds(cfg, shape, layout, conv)
			if err != nil {
				return "", err
			}
			if before, ok := times[layout]; !ok || seconds < before {
				times[layout] = seconds
			}
		}
	}
	best := defaultLayout
	for layout, seconds := range times {
		if seconds < times[best]*worthChanging {
			best = layout
		}
	}
	known[key] = best
	keepCalibration(path, known)
	return best, nil
}

// stepSeconds is the time of a step in a layout, after a first one that pays for what is made once.
func stepSeconds(cfg Config, shape data.Shape, layout, conv string) (seconds float64, err error) {
	defer torch.Catch(&err)
	cfg.Batch, cfg.EMA, cfg.DiscSteps = min(cfg.Batch, calibrationBatch), 0, 1
	t, err := newTrainer(cfg, Resolved{Layout: layout, Conv: conv, Precision: cfg.Precision, Threads: cfg.Threads}, blank(shape), torch.CPU)
	if err != nil {
		return 0, err
	}
	defer t.close()
	pixels := make([]byte, cfg.Batch*shape.Bytes())
	for i := range pixels {
		pixels[i] = byte(i * 151)
	}
	for range 2 {
		start := time.Now()
		s := t.root.Child()
		t.st.step(s, []torch.Tensor{s.Images(pixels, cfg.Batch, shape.Height, shape.Width, shape.Channels)})
		s.Close()
		seconds = time.Since(start).Seconds()
	}
	return seconds, nil
}

// blank is a dataset of a shape and nothing else.
type blank data.Shape

func (b blank) Spec() string                  { return "blank" }
func (b blank) Len() int                      { return 1 }
func (b blank) Shape() data.Shape             { return data.Shape(b) }
func (b blank) Read(_, _ int, _ []byte) error { return nil }
func (b blank) Label(int) int                 { return -1 }
func (b blank) Classes() []string             { return nil }
func (b blank) Fingerprint() string           { return "blank" }
func (b blank) Close() error                  { return nil }

// calibrationKey names all that the choice depends on.
func calibrationKey(cfg Config, shape data.Shape, conv string) string {
	text := fmt.Sprint(processor(), torch.Version(), cfg.Threads, cfg.Model, shape, cfg.Latent, cfg.GenWidth, cfg.DiscWidth,
		min(cfg.Batch, calibrationBatch), cfg.Precision, cfg.Optim, cfg.Conv, conv)
	sum := sha256.Sum256([]byte(text))
	return hex.EncodeToString(sum[:8])
}

// processor is the name of this machine's.
func processor() string {
	text, err := os.ReadFile("/proc/cpuinfo")
	if err != nil {
		return "unknown"
	}
	for line := range strings.Lines(string(text)) {
		if name, value, ok := strings.Cut(line, ":"); ok && strings.TrimSpace(name) == "model name" {
			return strings.TrimSpace(value)
		}
	}
	return "unknown"
}

// readCalibration reads what was found before. A file that cannot be read is as good as none.
func readCalibration() (path string, known map[string]string) {
	known = map[string]string{}
	dir, err := os.UserCacheDir()
	if err != nil {
		return "", known
	}
	path = filepath.Join(dir, "forger", "layouts.json")
	if text, err := os.ReadFile(path); err == nil && json.Unmarshal(text, &known) != nil {
		known = map[string]string{}
	}
	return path, known
}

// keepCalibration writes for the next run. That it cannot be written costs that run the measurement, and nothing else.
func keepCalibration(path string, known map[string]string) {
	text, err := json.Marshal(known)
	if path == "" || err != nil || os.MkdirAll(filepath.Dir(path), 0o755) != nil {
		return
	}
	_ = replaceFile(path, text)
}
