package gan

import (
	"context"
	"encoding/json"
	"fmt"
	"slices"

	"forger/gan/report"
	"forger/gan/rundir"
	"forger/gan/together"
	"forger/gan/trainer"
	"forger/internal/setting"
)

// trainTogether is train as one of several ranks. Rank 0 tells ob, and the others what went wrong alone.
func (c *Config) trainTogether(ctx context.Context, ob report.Observer) (res report.Result, err error) {
	if err := c.checkTogether(); err != nil {
		return res, err
	}
	m, err := together.Meet(ctx, c.World, c.Run.Together)
	if err != nil {
		return res, c.byRank(err)
	}
	defer func() {
		m.Close(err)
		err = c.byRank(err)
	}()
	if err := c.alike(ctx, m); err != nil {
		return res, err
	}
	if !m.Leads() {
		ob = silent{}
	}
	return c.train(ctx, m, ob)
}

// byRank says whose error it is.
func (c *Config) byRank(err error) error {
	if err != nil {
		err = fmt.Errorf("rank %d: %w", c.World.Rank, err)
	}
	return err
}

// checkTogether refuses what a run of several ranks has not. Errors are *setting.UsageError.
func (c *Config) checkTogether() error {
	switch {
	case c.Run.VerifyResume > 0:
		return setting.Usagef("--verify-resume %d: it is of one process, and the launcher starts %d: start it without", c.Run.VerifyResume, c.World.Size)
	case c.Run.Watch.OnCollapse == "rollback":
		return setting.Usagef("--on-collapse rollback: a run of %d ranks cannot be turned back: use stop, and go on with --resume", c.World.Size)
	}
	return nil
}

// own are the settings that a rank may have otherwise than rank 0.
var own = []string{"data", "workers", "threads"}

// alike refuses ranks that were given other settings than rank 0.
func (c *Config) alike(ctx context.Context, m *together.Meeting) error {
	const what = "settings"
	text, err := json.Marshal(c.Settings().Map())
	if err != nil {
		return err
	}
	if m.Leads() {
		return m.Tell(what, text)
	}
	led, err := m.Hear(ctx, what)
	if err != nil {
		return err
	}
	var mine, theirs map[string]json.RawMessage
	if err := json.Unmarshal(text, &mine); err != nil {
		return err
	}
	if err := json.Unmarshal(led, &theirs); err != nil {
		return fmt.Errorf("rank 0's settings cannot be read: %w: start all ranks with the same program", err)
	}
	for _, r := range c.Settings() {
		if a, b := string(mine[r.Name]), string(theirs[r.Name]); a != b && !slices.Contains(own, r.Name) {
			return setting.Usagef("--%s %s: rank 0 has %s: give all ranks the same", r.Name, a, b)
		}
	}
	return nil
}

// startedAgain has a run that a launcher starts again, by the same command line, go on from what it left in --out.
func (c *Config) startedAgain(ctx context.Context, m *together.Meeting) error {
	const what, goOn = "started again", "go on"
	switch {
	case c.World.Restarts == 0 || c.Run.Resume != "":
		return nil
	case c.Run.Out == "":
		return setting.Usagef("%s starts this run again, and it has no --out by which its directory is found: add --out", c.World.Launcher)
	}
	word := ""
	if !m.Leads() {
		told, err := m.Hear(ctx, what)
		if err != nil {
			return err
		}
		word = string(told)
	} else if rundir.HoldsNone(c.Run.Out) != nil {
		word = goOn
	}
	if m != nil && m.Leads() {
		if err := m.Tell(what, []byte(word)); err != nil {
			return err
		}
	}
	if word == goOn {
		c.Run.Resume = c.Run.Out
	}
	return nil
}

// origin is where a run goes on from: of several ranks all go on from the checkpoint that rank 0 found.
func (c *Config) origin(ctx context.Context, m *together.Meeting) (*trainer.Origin, error) {
	const what = "origin"
	look := c.Run.DryRun || c.Run.VerifyResume > 0
	if m == nil {
		return trainer.Resume(c.Run.Resume, look)
	}
	if !m.Leads() {
		found, err := m.Hear(ctx, what)
		if err != nil {
			return nil, err
		}
		from, err := trainer.Resume(c.Run.Resume, true)
		if err != nil {
			return nil, err
		}
		if from.Name() != string(found) {
			from.Close()
			return nil, fmt.Errorf("%s: rank 0 goes on from %q, and the newest checkpoint here is %q: all ranks must see one directory", c.Run.Resume, found, from.Name())
		}
		return from, nil
	}
	from, err := trainer.Resume(c.Run.Resume, look)
	if err != nil {
		return nil, err
	}
	if err := m.Tell(what, []byte(from.Name())); err != nil {
		from.Close()
		return nil, err
	}
	return from, nil
}

// silent is told of a run that another rank tells of.
type silent struct{}

func (silent) Started(report.Started) {}
func (silent) Stepped(_, _ int64)     {}
func (silent) Logged(report.Line)     {}
func (silent) Wrote(string)           {}
func (silent) Warned(string)          {}
