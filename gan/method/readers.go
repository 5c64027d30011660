package method

import (
	"slices"
	"strings"

	"forger/internal/setting"
)

// readers are the methods that read a setting which not all of them read.
var readers = map[string][]string{
	"prior": {"gan"}, "loss": {"gan"}, "penalty": {"gan"}, "penalty-every": {"gan"}, "spectral-norm": {"gan"}, "disc-steps": {"gan"}, "simultaneous": {"gan"}, "pack": {"gan"},
	"label-smoothing": {"gan"}, "instance-noise": {"gan"}, "gen-lr": {"gan"}, "disc-lr": {"gan"}, "init-generator": {"gan"}, "init-discriminator": {"gan"},
	"augment": {"gan"}, "init-mean": {"gan", "vae"},
	"beta": {"vae"}, "free-bits": {"vae"}, "iw-samples": {"vae"}, "init-encoder": {"vae"}, "init-decoder": {"vae"},
	"gated": {"pixelcnn"}, "init-model": {"pixelcnn"},
	"binarize": {"pixelcnn", "vae"}, "latent": {"gan", "vae"}, "disc-width": {"gan", "vae"},
}

// CheckRead refuses what the method does not read: where it is not the default, or was given for this run, not by a file that
// repeats another. Errors are *setting.UsageError.
func (o *Options) CheckRead(given setting.Given) error {
	for _, r := range o.Settings() {
		by, some := readers[r.Name]
		if !some || slices.Contains(by, o.Method) {
			continue
		}
		asked := given.Has(r.Name) && !strings.HasPrefix(given[r.Name], "--config")
		if asked || !r.AtDefault() {
			return setting.Usagef("--%s %v: --method %s does not read it: leave it out, or use --method %s", r.Name, r.Get(), o.Method, strings.Join(by, " or "))
		}
	}
	return nil
}
