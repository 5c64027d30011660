package main

import (
	"bytes"
	"encoding/binary"
	"errors"
	"fmt"
	"image"
	"image/jpeg"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"forger/data"
	"forger/gan"
	"forger/internal/seed"
	"forger/vision"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// program is the program, built once for all tests.
var program string

func TestMain(m *testing.M) {
	dir, err := os.MkdirTemp("", "forger")
	if err != nil {
		panic(err)
	}
	program = filepath.Join(dir, "forger")
	if out, err := exec.Command("go", "build", "-o", program, ".").CombinedOutput(); err != nil {
		panic(fmt.Sprintf("%v: %s", err, out))
	}
	if os.Getenv("FORGER_LIB") == "" { // the program lies outside the checkout now
		lib, err := filepath.Abs(filepath.Join("..", "..", "build"))
		if err != nil {
			panic(err)
		}
		os.Setenv("FORGER_LIB", lib)
	}
	code := m.Run()
	os.RemoveAll(dir)
	os.Exit(code)
}

type outcome struct {
	code        int
	out, errout string
}

// forger runs the program in dir.
func forger(t *testing.T, dir string, env []string, args ...string) outcome {
	t.Helper()
	return command(t, dir, env, program, args...)
}

func command(t *testing.T, dir string, env []string, name string, args ...string) outcome {
	t.Helper()
	var out, errout bytes.Buffer
	cmd := exec.Command(name, args...)
	cmd.Dir, cmd.Stdout, cmd.Stderr = dir, &out, &errout
	cmd.Env = append(os.Environ(), env...)
	err := cmd.Run()
	var exit *exec.ExitError
	if err != nil && !errors.As(err, &exit) {
		require.NoError(t, err)
	}
	return outcome{cmd.ProcessState.ExitCode(), out.String(), errout.String()}
}

var small = []string{"--size", "16", "--gen-width", "2", "--disc-width", "2", "--latent", "4", "--batch", "8", "--device", "cpu", "--layout", "channels_last"}

func TestWhatTheCommandLineShowsToBeWrong(t *testing.T) {
	dir := t.TempDir()
	config := filepath.Join(dir, "c.yaml")
	require.NoError(t, os.WriteFile(config, []byte("size: 16\nbacth: 3\n"), 0o644))
	for args, want := range map[string]string{
		"tran":                                    `forger: unknown command "tran": have bench, checkpoint, `,
		"data lst":                                `forger: data: unknown command "lst": have`,
		"train --bacth 3":                         "forger: train: unknown flag --bacth: did you mean --batch?: see `forger train --help`",
		"train --learning_rate 1":                 "forger: train: unknown flag --learning_rate: did you mean --lr?: see `forger train --help`",
		"train --verbose":                         "forger: train: unknown flag --verbose: see `forger train --help`",
		"train --data /a/b.zip":                   `forger: train: --data "/a/b.zip": unknown: did you mean zip:/a/b.zip?`,
		"train --data minst:x":                    `forger: train: --data "minst:x": unknown: did you mean mnist:x?: have `,
		"train --batch x":                         "forger: train: invalid argument \"x\" for \"--batch\" flag: \"x\" is not a number that fits: see `forger train --help`",
		"train --batch 0":                         "forger: train: --batch 0: too small: use 1 or more",
		"train --threads 100000":                  "forger: train: --threads 100000: too large: use ",
		"train --lr -1":                           "forger: train: --lr -1: out of range: use a number above 0",
		"train --size 63":                         "forger: train: --size 63: dcgan cannot make it: use 16, 32, 64, 128, 256, 512 or 1024",
		"train --data nope:x":                     `forger: train: --data "nope:x": unknown: have `,
		"train --data folder":                     `forger: train: --data "folder": no path given: write folder:DIR`,
		"train --penalty r3":                      `forger: train: --penalty "r3": unknown: have none, clip`,
		"train --penalty gp --penalty clip":       "forger: train: --penalty clip with --penalty gp: clipped weights",
		"train --pack 3":                          "forger: train: --pack 3: it does not divide --batch 64",
		"train here":                              "forger: train: 1 arguments given, 0 wanted: usage: forger train",
		"train --config " + config:                "line 2: unknown key \"bacth\": did you mean batch?",
		"sample --out x.png":                      "forger: sample: --checkpoint: not given",
		"sample --checkpoint x":                   "forger: sample: --out: not given",
		"sample --checkpoint x --out y.png --n 0": "forger: sample: --n 0: too small",
		"sample --checkpoint x --out y.png --device gpu":      `forger: sample: --device "gpu": unknown`,
		"sample --checkpoint x --out y.png --latents z --n 3": "forger: sample: --latents: the file says how many",
		"sample --checkpoint x --out y.jpg":                   "forger: sample: --out y.jpg: pictures are written as PNG: name a .png",
		"sample --checkpoint x --out y.png --seeds 1,x":       `forger: sample: --seeds "1,x": "x" is neither a number nor a range`,
		"sample --checkpoint x --out y.png --seeds 5-1":       `forger: sample: --seeds "5-1": "5-1" is neither`,
		"sample --checkpoint x --out y.png --seeds 1 --n 2":   "forger: sample: --seeds: they say how many and which",
		"sample --checkpoint x --out y.png --keep-rows 3":     "forger: sample: --keep-rows: there is nothing to complete",
		"sample --checkpoint x --out y.png --complete glyphs": "forger: sample: --complete: add --keep-rows",
		"interpolate --checkpoint x --out y.png --from a.png": `forger: interpolate: --from "a.png" --to "": a walk has two ends`,
		"compare x --against glyphs --out y":                  "forger: compare: 1 checkpoints: name two or more",
		"compare x z --out y":                                 "forger: compare: --against is needed",
		"compare x z --against glyphs":                        "forger: compare: --out: not given",
		"train --method vae --loss hinge":                     "forger: train: --loss hinge: --method vae does not read it",
		"train --method pixelcnn --model mlp":                 "forger: train: --model mlp: it has no masked convolutions: use masked",
		"train --eval nll":                                    "forger: train: --eval nll: a training does not ask it of itself",
		"sample --checkpoint x --out y.png --truncation 0":    "forger: sample: --truncation 0: it wants .01 or more",
		"train --momentum .9":                                 "forger: train: --momentum 0.9: adam has none",
		"train --save never":                                  `forger: train: --save "never": unknown: have async, sync`,
		"train --ema 1":                                       "forger: train: --ema 1: out of range: use a number from 0 to below 1",
		"export --checkpoint x --out y":                       "forger: export: --format: not given: name onnx, pth, safetensors, torchscript",
		"export --checkpoint x --out y.pt":                    "forger: export: --format: not given: name onnx, pth",
		"export --checkpoint x --out y --format h5":           `forger: export: --format "h5": unknown`,
		"export --checkpoint x --out y --format pth --net e":  `forger: export: --net "e": unknown: have decoder, discriminator, ema, encoder, encoder-ema, generator, model`,
		"interpolate --checkpoint x --out y.mp4":              "forger: interpolate: --out y.mp4: neither .gif nor .png",
		"interpolate --checkpoint x --out y.gif --frames 1":   "forger: interpolate: --frames 1: too few",
		"checkpoint inf":                                      `forger: checkpoint: unknown command "inf": have info`,
		"help nope":                                           `forger: help: unknown command "nope"`,
		"data info nope":                                      `forger: data info: data "nope": unknown: have`,
		"data dump glyphs":                                    "forger: data dump: 1 arguments given, 2 wanted",
	} {
		got := forger(t, dir, nil, strings.Fields(args)...)
		assert.Equal(t, exitUsage, got.code, args)
		assert.Empty(t, got.out, args)
		assert.Contains(t, got.errout, want, args)
		assert.Equal(t, 1, strings.Count(got.errout, "\n"), "one line: %s", got.errout)
	}
	entries, err := os.ReadDir(dir)
	require.NoError(t, err)
	assert.Len(t, entries, 1, "nothing was written")
}

// truncated is a folder with a JPEG of which the second half is missing.
func truncated(t *testing.T) string {
	t.Helper()
	dir := t.TempDir()
	var b bytes.Buffer
	require.NoError(t, jpeg.Encode(&b, image.NewGray(image.Rect(0, 0, 64, 64)), nil))
	require.NoError(t, os.WriteFile(filepath.Join(dir, "half.jpg"), b.Bytes()[:b.Len()/2], 0o644))
	return dir
}

func TestWhatTakesTheDiskOrTheDataToFindOut(t *testing.T) {
	dir := t.TempDir()
	held := filepath.Join(dir, "held")
	require.NoError(t, os.Mkdir(held, 0o755))
	require.NoError(t, os.WriteFile(filepath.Join(held, "config.yaml"), nil, 0o644))
	require.NoError(t, os.WriteFile(filepath.Join(dir, "file"), nil, 0o644))
	idx := filepath.Join(dir, "idx")
	require.NoError(t, os.Mkdir(idx, 0o755))
	require.NoError(t, os.WriteFile(filepath.Join(idx, "train-images-idx3-ubyte"), []byte{0, 0, 8, 1, 0, 0, 0, 1, 9}, 0o644))
	empty, half := t.TempDir(), truncated(t)
	before, err := os.ReadDir(dir)
	require.NoError(t, err)
	for name, c := range map[string]struct {
		args []string
		env  []string
		want string
	}{
		"missing folder": {[]string{"train", "--data", "folder:gone"}, nil, "forger: train: data: folder: gone: no such file or directory: name a folder that exists"},
		"empty folder":   {[]string{"train", "--data", "folder:" + empty}, nil, "no images in it"},
		"truncated JPEG": {[]string{"train", "--data", "folder:" + half}, nil, "half.jpg: the file is truncated: mend or remove the file"},
		"wrong magic":    {[]string{"train", "--data", "mnist:" + idx}, nil, "wrong magic number 0x00000801, want 0x00000803"},
		"run there":      {[]string{"train", "--out", held}, nil, "it holds a run already: choose another --out"},
		"run there, dry": {[]string{"train", "--out", held, "--dry-run"}, nil, "it holds a run already: choose another --out"},
		"not a folder":   {[]string{"train", "--out", "file/run"}, nil, "file/run: not a directory: choose a directory that can be written with --out"},
		"no libtorch":    {[]string{"train"}, []string{"FORGER_LIB=/nowhere"}, "forger: train: torch: load: FORGER_LIB=/nowhere: no libgotorch.so there"},
		"no checkpoint":  {[]string{"sample", "--checkpoint", "gone.pt", "--out", "x.png"}, nil, "gone.pt: no such file or directory"},
		"no config":      {[]string{"train", "--config", "gone.yaml"}, nil, "gone.yaml: no such file or directory"},
	} {
		args := c.args
		if args[0] == "train" {
			args = append(append([]string{}, args...), small...)
		}
		got := forger(t, dir, c.env, args...)
		assert.Equal(t, exitFailed, got.code, name)
		assert.Empty(t, got.out, name)
		assert.Contains(t, got.errout, c.want, name)
		assert.Equal(t, 1, strings.Count(got.errout, "\n"), "%s: one line: %s", name, got.errout)
		after, err := os.ReadDir(dir)
		require.NoError(t, err)
		assert.Equal(t, len(before), len(after), "%s: nothing was written", name)
	}
}

func TestCUDAAskedForAndAbsent(t *testing.T) {
	if _, err := os.Stat("/proc/driver/nvidia/version"); err == nil {
		t.Skip("this machine has an NVIDIA driver: its absence cannot be shown")
	}
	dir := t.TempDir()
	got := forger(t, dir, nil, "train", "--size", "16", "--device", "cuda", "--steps", "1")
	assert.Equal(t, exitFailed, got.code)
	assert.Equal(t, "forger: train: torch: cuda: no NVIDIA driver on this machine (libcuda.so.1): install it, or use --device cpu\n", got.errout)
	entries, err := os.ReadDir(dir)
	require.NoError(t, err)
	assert.Empty(t, entries, "no silent fallback")
}

func TestWhatNeedsNoLibtorchRunsWithoutIt(t *testing.T) {
	none := []string{"FORGER_LIB=/nowhere"}
	for _, args := range []string{"--help", "version", "data list", "train --help", "data info glyphs"} {
		got := forger(t, t.TempDir(), none, strings.Fields(args)...)
		assert.Equal(t, exitDone, got.code, args)
		assert.NotEmpty(t, got.out, args)
		assert.Empty(t, got.errout, args)
	}
	got := forger(t, t.TempDir(), none, "doctor")
	assert.Equal(t, exitFailed, got.code)
	assert.Contains(t, got.out, "libtorch  missing: torch: load: FORGER_LIB=/nowhere")
}

func TestHelpIsComplete(t *testing.T) {
	got := forger(t, t.TempDir(), nil, "train", "--help")
	var c gan.Config
	for _, f := range c.Settings() {
		assert.Contains(t, got.out, "--"+f.Name)
	}
	for _, word := range []string{"nonsaturating", "minimax", "dcgan", "mnist:DIR", "rmsprop", "uniform", "--config", "--quiet"} {
		assert.Contains(t, got.out, word)
	}
}

// Flag, then environment, then file, then default; and a run's own config.yaml repeats it.
func TestPrecedenceAndRepeating(t *testing.T) {
	dir := t.TempDir()
	config := filepath.Join(dir, "c.yaml")
	require.NoError(t, os.WriteFile(config, []byte("batch: 4\nsteps: 2\nseed: 9\nlatent: 6\n"), 0o644))
	args := append([]string{"train", "--config", config, "--out", "one", "--quiet"}, small...)
	got := forger(t, dir, []string{"FORGER_BATCH=5", "FORGER_SEED=11"}, args...)
	require.Equal(t, exitDone, got.code, got.errout)
	assert.Empty(t, got.out+got.errout, "quiet")
	settings := readSettings(t, filepath.Join(dir, "one", "config.yaml"))
	assert.Equal(t, "8", settings["batch"], "the flag")
	assert.Equal(t, "11", settings["seed"], "the environment")
	assert.Equal(t, "2", settings["steps"], "the file")
	assert.Equal(t, "4", settings["latent"], "the flag before the file")
	assert.Equal(t, "0.0002", settings["lr"], "the default")

	got = forger(t, dir, nil, "train", "--config", "one/config.yaml", "--out", "two")
	require.Equal(t, exitDone, got.code, got.errout)
	for _, name := range []string{"config.yaml", "samples/step-00000002.png"} {
		one, err := os.ReadFile(filepath.Join(dir, "one", name))
		require.NoError(t, err)
		two, err := os.ReadFile(filepath.Join(dir, "two", name))
		require.NoError(t, err)
		assert.Equal(t, one, two, name)
	}
	assert.Contains(t, got.errout, "two/samples/step-00000002.png", "it says where the pictures are")
	assert.Contains(t, got.errout, "sample --checkpoint two/checkpoints/step-00000002.pt", "and what to run next")

	got = forger(t, dir, []string{"FORGER_BATCH=x"}, "train")
	assert.Equal(t, exitUsage, got.code)
	assert.Equal(t, "forger: train: FORGER_BATCH=x: \"x\" is not a number that fits: correct or unset it\n", got.errout)
	got = forger(t, dir, []string{"FORGER_LR=-1", "FORGER_BACTH=3", "FORGER_PORT=tcp://1.2.3.4:80"}, "train")
	assert.Equal(t, exitUsage, got.code)
	assert.Equal(t, "forger: train: no setting is called FORGER_BACTH (did you mean FORGER_BATCH?), FORGER_PORT: goes on without\n"+
		"forger: train: FORGER_LR -1: out of range: use a number above 0\n", got.errout)
}

// A run whose end was reached before says so, and where it trains is not what somebody asked for. Packed data have one size.
func TestWhatARunSaysOfItself(t *testing.T) {
	dir := t.TempDir()
	require.Equal(t, exitDone, forger(t, dir, nil, "data", "pack", "glyphs", "g.pack", "--size", "16", "--limit", "40", "--quiet").code)
	args := append([]string{"train", "--steps", "3", "--out", "run", "--data", "packed:g.pack"}, small[2:]...) // no --size
	got := forger(t, dir, nil, args...)
	require.Equal(t, exitDone, got.code, got.errout)
	assert.Contains(t, got.errout, "device cpu (as asked)")
	assert.Contains(t, got.errout, "each 16x16x1")
	got = forger(t, dir, nil, "train", "--resume", "run", "--steps", "2")
	require.Equal(t, exitDone, got.code, got.errout)
	assert.Contains(t, got.errout, "device cpu (where it trained before)")
	assert.Contains(t, got.errout, "nothing was left to train: the end of the run had been reached, at step 3: go on with a later --steps")
	assert.NotContains(t, got.errout, "done after")
}

func readSettings(t *testing.T, path string) map[string]string {
	t.Helper()
	c := gan.DefaultConfig()
	lines, _, err := c.Settings().ReadFile(path)
	require.NoError(t, err)
	all := map[string]string{}
	for _, s := range lines {
		all[s.Name] = s.Values[0]
	}
	return all
}

func lastLine(text string) string {
	lines := strings.Split(strings.TrimSpace(text), "\n")
	return lines[len(lines)-1]
}

// `data dump --shuffled --seed S` writes what `train --seed S` sees: here against the loader of a run.
func TestDumpIsWhatTrainingSees(t *testing.T) {
	dir := t.TempDir()
	got := forger(t, dir, nil, "data", "dump", "glyphs", "x.npy", "--size", "16", "--n", "20", "--shuffled", "--seed", "7")
	require.Equal(t, exitDone, got.code, got.errout)
	file, err := os.ReadFile(filepath.Join(dir, "x.npy"))
	require.NoError(t, err)
	head := 10 + int(binary.LittleEndian.Uint16(file[8:]))
	source, order := seed.Data(7)
	ds, err := data.Open("glyphs", data.Options{Size: vision.Square(16), Seed: source})
	require.NoError(t, err)
	l, err := data.NewLoader(ds, data.LoaderOptions{Batch: 20, Shuffle: true, Seed: order})
	require.NoError(t, err)
	defer l.Close()
	b, err := l.Next(t.Context())
	require.NoError(t, err)
	assert.Equal(t, b.Images, file[head:])
}

func TestDataCommands(t *testing.T) {
	dir := t.TempDir()
	got := forger(t, dir, nil, "data", "list")
	assert.Contains(t, got.out, "mnist:DIR")
	got = forger(t, dir, nil, "data", "info", "glyphs", "--size", "48")
	assert.Contains(t, got.out, "60000")
	assert.Contains(t, got.out, "48x48x1")
	assert.Contains(t, got.out, "10: 0, 1, 2")
	got = forger(t, dir, nil, "data", "preview", "glyphs", "--out", "grid.png", "--n", "10")
	require.Equal(t, exitDone, got.code, got.errout)
	f, err := os.Open(filepath.Join(dir, "grid.png"))
	require.NoError(t, err)
	defer f.Close()
	m, _, err := image.DecodeConfig(f)
	require.NoError(t, err)
	assert.Equal(t, []int{8*34 + 2, 2*34 + 2}, []int{m.Width, m.Height})
}
