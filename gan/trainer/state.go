package trainer

import (
	"encoding/json"
	"fmt"

	"forger/gan/checkpoint"
	"forger/internal/release"
	"forger/internal/setting"
	"forger/torch/pt"
)

// tree is all that the run is made of, taken to the host by take. What is not finite is never saved.
func (t *Trainer) tree(take checkpoint.HostCopy) (*pt.Dict, error) {
	if _, err := t.readMeters(); err != nil {
		return nil, err
	}
	config, err := t.config()
	if err != nil {
		return nil, err
	}
	health, err := t.health.text()
	if err != nil {
		return nil, err
	}
	return checkpoint.Tree(t.root, t.parts, checkpoint.Head{
		Step: t.step, Images: t.images, Seed: t.job.Seed, LoggedStep: t.clock.step, Seconds: t.clock.elapsed(), Config: config,
		Data: checkpoint.Data{
			Spec: t.ds.Spec(), Position: t.position(), Length: int64(t.ds.Len()), Fingerprint: t.ds.Fingerprint(),
		},
		Meta: t.meta(), Fixed: t.fixed, Health: health,
	}, take), nil
}

// config is every setting of the run by name, and under "resolved" what was decided where they left it open.
func (t *Trainer) config() (string, error) {
	all := t.settings()
	all[setting.ResolvedKey] = t.resolved
	text, err := json.Marshal(all)
	if err != nil {
		return "", fmt.Errorf("config: %w", err)
	}
	return string(text), nil
}

// settings are those of the run by name.
func (t *Trainer) settings() map[string]any {
	all := t.job.Settings.Map()
	if t.resolved.Points == 0 {
		all["size"], all["channels"] = t.resolved.Size, t.resolved.Channels
	}
	return all
}

// meta is what made the checkpoint, as strings.
func (t *Trainer) meta() [][2]string {
	r := t.resolved
	return [][2]string{
		{"version", release.Version()}, {"revision", release.Revision}, {"libtorch", r.Libtorch}, {"device", r.Device},
		{"precision", r.Precision}, {"layout", r.Layout}, {"conv", r.Conv}, {"threads", fmt.Sprint(r.Threads)}, {"decoder", r.Decoder},
		{"data", t.job.Data.Spec},
	}
}
