package method

import (
	"strconv"
	"strings"

	"forger/internal/setting"
	"forger/torch"
)

// Penalty holds a discriminator to smooth functions: by a term of its loss, or by what is done to it after an update.
type Penalty struct {
	Doc    string
	Weight float64 // where none is given; of a clip the bound

	// On says at which samples the gradient is taken; at real or generated ones it shares the pass forward of the loss.
	On place
	// At makes the samples where they are others; uniform draws from U[0,1].
	At func(uniform source, real, fake torch.Tensor) torch.Tensor
	// Of is the term of dD(x)/dx, [N,D] -> 0-dim. nil: there is none.
	Of func(gradient torch.Tensor) torch.Tensor
	// After is done to the parameters.
	After func(s *torch.Scope, weight float64, params []torch.Tensor)
}

// place is where a gradient is taken.
type place int

const (
	elsewhere place = iota
	atReal
	atFake
)

// penalties is where one is added: one file, one line here, one golden.
var penalties = map[string]Penalty{
	"clip":   clip,
	"gp":     gp,
	"r1":     r1,
	"r2":     r2,
	"dragan": dragan,
}

// asked is a penalty with its weight as a user gives them: NAME, NAME=WEIGHT, NAME=FROM:TO, NAME=auto.
type asked struct {
	Penalty
	name     string
	from, to float64 // the weight over the run
	auto     bool    // it is the heuristic's
}

// noPenalty is the word for none.
const noPenalty = "none"

// parsePenalty reads one. Errors are *setting.UsageError.
func parsePenalty(text string) (a asked, err error) {
	name, value, given := strings.Cut(text, "=")
	p, ok := penalties[name]
	if !ok {
		return a, setting.Usagef("--penalty %q: unknown: have %s, %s", text, noPenalty, strings.Join(setting.Keys(penalties), ", "))
	}
	a = asked{Penalty: p, name: name, from: p.Weight, to: p.Weight}
	if !given {
		return a, nil
	}
	if value == "auto" && (name == "r1" || name == "r2") {
		a.auto = true
		return a, nil
	}
	from, to, falls := strings.Cut(value, ":")
	if a.from, err = weightOf(from); err == nil {
		a.to = a.from
		if falls && p.Of != nil {
			a.to, err = weightOf(to)
		} else if falls {
			err = strconv.ErrSyntax
		}
	}
	if err != nil || a.from == 0 && a.to == 0 {
		return a, setting.Usagef("--penalty %s: no weight: write %s=%v%s", text, name, p.Weight, forms(name, p))
	}
	return a, nil
}

// weightOf is a number of 0 or more.
func weightOf(text string) (float64, error) {
	v, err := strconv.ParseFloat(text, 64)
	if err == nil && !(v >= 0 && v <= 1e30) {
		err = strconv.ErrRange
	}
	return v, err
}

// forms are the other ways to give a weight.
func forms(name string, p Penalty) string {
	switch {
	case name == "r1" || name == "r2":
		return ", " + name + "=2:.2 (from start to end of the run) or " + name + "=auto"
	case p.Of != nil:
		return " or " + name + "=2:.2 (from start to end of the run)"
	}
	return ""
}

// checkPenalties is a setting.Check.
func checkPenalties(r setting.Row) error {
	_, err := parsePenalties(r.Get().([]string))
	return err
}

// parsePenalties reads them all, each at most once.
func parsePenalties(texts []string) ([]asked, error) {
	var all []asked
	seen := map[string]bool{}
	for _, text := range texts {
		if text == noPenalty && len(texts) == 1 {
			break
		}
		a, err := parsePenalty(text)
		switch {
		case text == noPenalty:
			return nil, setting.Usagef("--penalty %s beside another: leave one of them away", text)
		case err != nil:
			return nil, err
		case seen[a.name]:
			return nil, setting.Usagef("--penalty %s: it is there twice: give one weight", a.name)
		}
		seen[a.name] = true
		all = append(all, a)
	}
	return all, nil
}
