package data

import (
	"encoding/json"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// peer is what testdata/peer.py wrote.
type peer struct {
	Files map[string]peerFile
	CIFAR struct {
		Labels           []int
		Classes          []string
		Pixels, Mirrored []byte
	}
}

type peerFile struct {
	class  string
	pixels []byte
}

func (f *peerFile) UnmarshalJSON(text []byte) error {
	return json.Unmarshal(text, &[]any{&f.class, &f.pixels})
}

func runPeer(t *testing.T) (dir string, want peer) {
	t.Helper()
	python := os.Getenv("FORGER_PYTHON")
	if python == "" {
		t.Skip("SKIPPED: FORGER_PYTHON names no interpreter: sources are not checked against torchvision")
	}
	dir = t.TempDir()
	out, err := exec.Command(python, "testdata/peer.py", dir).CombinedOutput()
	require.NoError(t, err, string(out))
	text, err := os.ReadFile(filepath.Join(dir, "want.json"))
	require.NoError(t, err)
	require.NoError(t, json.Unmarshal(text, &want))
	return dir, want
}

// Folders, archives that Python's zipfile and tarfile wrote, and CIFAR-10 hold what torchvision reads.
func TestSourcesAgreeWithTorchvision(t *testing.T) {
	dir, want := runPeer(t)
	t.Run("files", func(t *testing.T) { filesAgree(t, dir, want) })
	t.Run("cifar10", func(t *testing.T) { cifarAgrees(t, dir, want) })
}

func filesAgree(t *testing.T, dir string, want peer) {
	require.Len(t, want.Files, 5)
	for _, spec := range []string{
		"folder:set", "zip:stored.zip", "zip:deflated.zip", "tar:gnu.tar", "tar:pax.tar", "tar:gnu.tar.gz", "tar:pax.tgz",
	} {
		kind, name, _ := strings.Cut(spec, ":")
		ds := opened(t, kind+":"+filepath.Join(dir, name), Options{Size: square(8)})
		require.Equal(t, 5, ds.Len(), spec)
		assert.Equal(t, []string{"Zucchini", "apple", "kiwi"}, ds.Classes(), spec)
		files := ds.(*imageFiles).list()
		for i, name := range files.all() {
			f, ok := want.Files[strings.TrimPrefix(name, "set/")]
			require.True(t, ok, "%s: %s", spec, name)
			assert.Equal(t, f.class, ds.Classes()[ds.Label(i)], "%s: %s", spec, name)
			got := read(t, ds, 0, i)
			require.Len(t, f.pixels, len(got))
			for at := range got {
				require.InDelta(t, f.pixels[at], got[at], 1, "%s: %s: byte %d", spec, name, at)
			}
		}
	}
}

func cifarAgrees(t *testing.T, dir string, want peer) {
	plain := opened(t, "cifar10:"+filepath.Join(dir, "cifar"), Options{})
	flipped := opened(t, "cifar10:"+filepath.Join(dir, "cifar"), Options{Flip: true, Seed: 9})
	require.Equal(t, len(want.CIFAR.Labels), plain.Len())
	assert.Equal(t, want.CIFAR.Classes, plain.Classes())
	size, turned := plain.Shape().Bytes(), 0
	for i, label := range want.CIFAR.Labels {
		assert.Equal(t, label, plain.Label(i))
		straight, mirrored := want.CIFAR.Pixels[i*size:(i+1)*size], want.CIFAR.Mirrored[i*size:(i+1)*size]
		require.Equal(t, straight, read(t, plain, 0, i))
		if Flipped(9, 0, i) {
			turned++
			straight = mirrored
		}
		require.Equal(t, straight, read(t, flipped, 0, i))
	}
	assert.NotZero(t, turned)
}
