package trainer

import (
	"encoding/json"
	"fmt"
	"strings"
)

// reschedule tells what another bound does to a run that goes on: schedules are of the run's length, so that they go on as a run
// of the new length would from this step.
func (p *setup) reschedule(t *Trainer) error {
	if p.from.config == "" {
		return nil
	}
	o := p.job.Options
	o.Steps, o.Images, o.Epochs = 0, 0, 0
	if err := json.Unmarshal([]byte(p.from.config), &struct {
		Steps, Epochs *int
		Images        *int64
	}{&o.Steps, &o.Epochs, &o.Images}); err != nil {
		return fmt.Errorf("its config is damaged: %w", err)
	}
	before, now := t.stepsTo(o), t.totalSteps()
	var moved []string
	for _, d := range t.parts.Dials {
		if was, is := d.At(t.step, before), d.At(t.step, now); was != is {
			moved = append(moved, fmt.Sprintf("%s %.4g for %.4g", d.Name, is, was))
		}
	}
	if len(moved) > 0 {
		p.note("the run is of %d steps now, of %d before, and its schedules go by that: %s", now, before, strings.Join(moved, ", "))
	}
	return nil
}
