package main

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"golang.org/x/sys/unix"
)

// target is a machine that a distribution comes to: its folder, and a PATH with a python3 whose pip installs the libtorch of
// this machine, or fails while it is told to.
type target struct {
	dir, path, pips, broken string
}

func newTarget(t *testing.T) target {
	t.Helper()
	root, err := filepath.Abs("../..")
	require.NoError(t, err)
	env, err := os.ReadFile(filepath.Join(root, "build", "libtorch.env"))
	if err != nil {
		t.Skip("SKIPPED: no distribution can be made without a build folder: " + err.Error())
	}
	torch, _, _ := strings.Cut(strings.TrimPrefix(string(env), "TORCH_DIR="), "\n")
	to := t.TempDir()
	m := target{dir: filepath.Join(to, "some where", "forger"), path: filepath.Join(to, "bin"), pips: filepath.Join(to, "pips"), broken: filepath.Join(to, "broken")}
	got := command(t, root, nil, "scripts/dist", "test", m.dir)
	if strings.Contains(got.errout, "built for libtorch") {
		t.Skip("SKIPPED: " + got.errout)
	}
	require.Equal(t, 0, got.code, got.errout)
	require.NoError(t, exec.Command("cp", program, filepath.Join(m.dir, "forger")).Run())
	require.NoError(t, os.Mkdir(m.path, 0o755))
	python := fmt.Sprintf(`#!/bin/bash
case "$*" in
"-c "* | "-m pip --version") ;;
"-m venv --clear "*) mkdir -p "$4/bin" && cp "$0" "$4/bin/python" ;;
"-m pip install "*)
	echo "$*" >>'%s'
	site=$(dirname "$0")/../lib/python3.11/site-packages
	mkdir -p "$site" && ln -sfn '%s' "$site/torch"
	[ ! -e '%s' ] ;;
*) exit 9 ;;
esac
`, m.pips, torch, m.broken)
	require.NoError(t, os.WriteFile(filepath.Join(m.path, "python3"), []byte(python), 0o755))
	return m
}

// in runs a command of the folder in an environment of these variables and no others, from another folder.
func (m target) in(t *testing.T, env []string, name string, args ...string) outcome {
	t.Helper()
	var out, errout strings.Builder
	cmd := exec.Command(filepath.Join(m.dir, name), args...)
	cmd.Dir, cmd.Stdout, cmd.Stderr = t.TempDir(), &out, &errout
	cmd.Env = append([]string{"PATH=" + m.path + ":/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"}, env...)
	if err := cmd.Run(); err != nil {
		require.IsType(t, &exec.ExitError{}, err)
	}
	return outcome{cmd.ProcessState.ExitCode(), out.String(), errout.String()}
}

// trains sets up and trains.
func (m target) trains(t *testing.T, env ...string) (setup outcome) {
	t.Helper()
	setup = m.in(t, env, "setup")
	require.Equal(t, 0, setup.code, setup.out+setup.errout)
	assert.Contains(t, setup.out, "setup: libtorch 2.11.0 in ")
	got := m.in(t, env, "forger", append([]string{"train", "--steps", "2", "--out", "run"}, small...)...)
	require.Equal(t, exitDone, got.code, got.errout)
	return setup
}

func (m target) installed(t *testing.T) int {
	t.Helper()
	text, err := os.ReadFile(m.pips)
	require.NoError(t, err)
	return strings.Count(string(text), "\n")
}

// readOnly makes the folder one that this user cannot write, for the length of the test.
func (m target) readOnly(t *testing.T) {
	t.Helper()
	if os.Getuid() != 0 {
		require.NoError(t, os.Chmod(m.dir, 0o555))
		t.Cleanup(func() { assert.NoError(t, os.Chmod(m.dir, 0o755)) })
		return
	}
	if err := unix.Mount(m.dir, m.dir, "", unix.MS_BIND, ""); err != nil {
		t.Skip("SKIPPED: root can write everywhere, and nothing can be mounted read-only here: " + err.Error())
	}
	t.Cleanup(func() { assert.NoError(t, unix.Unmount(m.dir, 0)) })
	require.NoError(t, unix.Mount("", m.dir, "", unix.MS_BIND|unix.MS_REMOUNT|unix.MS_RDONLY, ""))
}

// A distribution on machines that have nothing of this one's: an empty home, none at all, a folder that cannot be written.
func TestADistributionSetsItselfUp(t *testing.T) {
	t.Run("an empty home", func(t *testing.T) {
		m := newTarget(t)
		home := "HOME=" + t.TempDir()
		require.NoError(t, os.WriteFile(m.broken, nil, 0o644))
		got := m.in(t, []string{home}, "setup")
		assert.Equal(t, 1, got.code)
		assert.Regexp(t, `^forger: setup: pip could not install torch==.*: check the network and the space on the disk, then run it again$`, lastLine(got.errout))
		require.NoError(t, os.Remove(m.broken))
		m.trains(t, home)
		assert.Equal(t, 2, m.installed(t), "what broke off is not taken for whole")
		m.trains(t, home)
		assert.Equal(t, 2, m.installed(t), "what is whole is not installed again")
	})
	t.Run("no home", func(t *testing.T) {
		m := newTarget(t)
		m.trains(t)
		moved := m
		moved.dir += " moved"
		require.NoError(t, os.Rename(m.dir, moved.dir))
		got := moved.in(t, nil, "forger", append([]string{"train", "--steps", "2", "--out", "run"}, small...)...)
		assert.Equal(t, exitDone, got.code, "all of it lies in the folder: %s", got.errout)
	})
	t.Run("a folder that cannot be written", func(t *testing.T) {
		m := newTarget(t)
		m.readOnly(t)
		home := "HOME=" + t.TempDir()
		assert.Contains(t, m.trains(t, home).out, m.dir+" cannot be written: its libraries are in ")
		got := m.in(t, nil, "setup")
		assert.Equal(t, 1, got.code)
		assert.Equal(t, "forger: setup: neither "+m.dir+" nor a cache folder can be written: name one that can in XDG_CACHE_HOME\n", got.errout)
	})
}

// What the README of a distribution links to is in it.
func TestADistributionHoldsWhatItsReadmeNames(t *testing.T) {
	m := newTarget(t)
	readme, err := os.ReadFile(filepath.Join(m.dir, "README.md"))
	require.NoError(t, err)
	links := regexp.MustCompile(`\]\(([^):]+)\)`).FindAllStringSubmatch(string(readme), -1)
	require.NotEmpty(t, links)
	for _, l := range links {
		assert.FileExists(t, filepath.Join(m.dir, l[1]))
	}
	assert.NotContains(t, string(readme), "bin/forger", "the program lies beside it")
	libraries, err := filepath.Glob("../../build/libgotorch*.so")
	require.NoError(t, err)
	require.NotEmpty(t, libraries)
	for _, l := range libraries { // CUDA's and gloo's, where they were built
		assert.FileExists(t, filepath.Join(m.dir, filepath.Base(l)))
	}
}
