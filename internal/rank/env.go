package rank

import (
	"fmt"
	"math"
	"strconv"
)

// env is an environment; a variable that is set to nothing is not set.
type env func(name string) (string, bool)

func (e env) get(name string) string {
	value, _ := e(name)
	return value
}

func (e env) has(name string) bool { return e.get(name) != "" }

// number reads a variable that must be a whole number of at least least.
func (e env) number(name string, least int) (int, error) {
	text := e.get(name)
	if text == "" {
		return 0, fmt.Errorf("%s is not set: the launcher sets it: start forger by the launcher, or set it as well", name)
	}
	n, err := strconv.Atoi(text)
	if err != nil || n < least || n > math.MaxInt32 {
		return 0, fmt.Errorf("%s=%q is not a whole number from %d on: correct it", name, text, least)
	}
	return n, nil
}

// names are the variables that a launcher says the same things by.
type names struct {
	launcher             string
	rank, size           string
	localRank, localSize string
	restarts, job        string
}

// place reads rank and size, which stand together, and the local ones where there are any.
func (e env) place(n names) (w World, err error) {
	for _, pair := range [][2]string{{n.rank, n.size}, {n.size, n.rank}} {
		if e.has(pair[0]) && !e.has(pair[1]) {
			return w, fmt.Errorf("%s=%s without %s: set both, or unset it", pair[0], e.get(pair[0]), pair[1])
		}
	}
	w.Launcher, w.Job = n.launcher, e.get(n.job)
	if w.Size, err = e.number(n.size, 1); err != nil {
		return w, err
	}
	if w.Rank, err = e.number(n.rank, 0); err != nil {
		return w, err
	}
	if w.Rank >= w.Size {
		return w, fmt.Errorf("%s=%d with %s=%d: ranks go from 0 to %d: correct the one or the other", n.rank, w.Rank, n.size, w.Size, w.Size-1)
	}
	for _, v := range []struct {
		name  string
		least int
		into  *int
	}{{n.localRank, 0, &w.LocalRank}, {n.localSize, 1, &w.LocalSize}, {n.restarts, 0, &w.Restarts}} {
		if e.has(v.name) {
			if *v.into, err = e.number(v.name, v.least); err != nil {
				return w, err
			}
		}
	}
	if w.LocalSize > 0 && w.LocalRank >= w.LocalSize {
		return w, fmt.Errorf("%s=%d with %s=%d: local ranks go from 0 to %d: correct the one or the other", n.localRank, w.LocalRank, n.localSize, w.LocalSize, w.LocalSize-1)
	}
	return w, nil
}

// port reads a variable that is a TCP port, or nothing: then it is otherwise.
func (e env) port(name string, otherwise int) (int, error) {
	if !e.has(name) {
		return otherwise, nil
	}
	p, err := e.number(name, 1)
	if err != nil || p > math.MaxUint16 {
		return 0, fmt.Errorf("%s=%q is not a port from 1 to 65535: correct it", name, e.get(name))
	}
	return p, nil
}
