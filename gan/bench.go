package gan

import (
	"context"

	"forger/gan/bench"
	"forger/gan/export"
	"forger/gan/rundir"
)

// Bench measures a training of cfg.
func Bench(ctx context.Context, cfg Config, o bench.Options) (bench.Result, error) {
	if err := cfg.takePreset(); err != nil {
		return bench.Result{}, err
	}
	if err := cfg.Check(); err != nil {
		return bench.Result{}, err
	}
	return bench.Measure(ctx, o, cfg.job(nil))
}

// Export writes a network of a checkpoint to a file, whole or not at all.
func Export(o export.Options) (err error) {
	if o.Checkpoint, err = rundir.Newest(o.Checkpoint); err != nil {
		return err
	}
	return export.Write(o, networks)
}
