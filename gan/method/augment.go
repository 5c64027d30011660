package method

import (
	"slices"
	"strconv"
	"strings"

	"forger/internal/setting"
	"forger/torch"
	"forger/vision"
)

// Augmentation changes images that the discriminator is shown, real and generated alike, so that it cannot learn few of them
// by heart (Zhao et al. 2020, "Differentiable augmentation for data-efficient GAN training"; the operations are those of
// DiffAugment_pytorch.py).
type Augmentation struct {
	Doc     string
	Draws   int                                                   // numbers from U[0,1) an image
	Neutral float64                                               // which leave an image as it is
	Of      func(b *torch.Bend, size vision.Size, u torch.Tensor) // says how images of that size are changed by them
}

// augmentations is where one is added: one line here, one file beside this one, and its turn below. All of them together are one
// pass over the images, which torch.Bend says.
var augmentations = map[string]Augmentation{
	"color":       color,
	"translation": translation,
	"cutout":      cutout,
}

// turns is the order in which they are done.
var turns = []string{"color", "translation", "cutout"}

// adaptive is the word that has an augmentation's chance found by the training itself.
const adaptive = "ada"

// draw is number i of each image's: [N,1].
func draw(u torch.Tensor, i int) torch.Tensor { return u.Narrow(1, i, 1) }

// oneOf n is what u of U[0,1) chooses of 0, 1, ..., n-1, [N,1].
func oneOf(n int, u torch.Tensor) torch.Tensor { return u.MulScalar(float64(n)).To(torch.Int64) }

// augmented is what --augment asks for.
type augmented struct {
	all    []Augmentation // in their turn
	target float64        // share of reals that the discriminator should be sure of, beyond the half; 0: every image is augmented
}

// parseAugment reads words with commas between. Errors are *setting.UsageError.
func parseAugment(text string) (a augmented, err error) {
	if text == "" {
		return a, nil
	}
	var names []string
	for _, word := range strings.Split(text, ",") {
		name, value, given := strings.Cut(word, "=")
		_, known := augmentations[name]
		switch {
		case name == adaptive:
			a.target = .6
			if given {
				if a.target, err = strconv.ParseFloat(value, 64); err != nil || !(a.target > 0 && a.target < 1) {
					return a, setting.Usagef("--augment %s: no share of the reals: use one between 0 and 1, as %s=.6", word, adaptive)
				}
			}
		case !known || given:
			return a, setting.Usagef("--augment %q: unknown: have %s, %s=.6", word, strings.Join(turns, ", "), adaptive)
		case slices.Contains(names, name):
			return a, setting.Usagef("--augment %s: %s is there twice: leave one away", text, name)
		default:
			names = append(names, name)
		}
	}
	if len(names) == 0 { // ada alone is of all
		names = turns
	}
	for _, name := range turns {
		if slices.Contains(names, name) {
			a.all = append(a.all, augmentations[name])
		}
	}
	return a, nil
}

// checkAugment is a setting.Check.
func checkAugment(r setting.Row) error {
	_, err := parseAugment(r.Get().(string))
	return err
}

// augmenter augments batches.
type augmenter struct {
	augmented
	uniform source
	chance  torch.Tensor // 0-dim, of an augmentation of an image; the zero Tensor: 1
}

// draws is how many numbers an image takes.
func (a *augmenter) draws() (n int) {
	for _, one := range a.all {
		n += one.Draws
		if a.chance.Valid() {
			n++
		}
	}
	return n
}

// of augments images [N,C,H,W], each in its own way.
func (a *augmenter) of(x torch.Tensor) torch.Tensor {
	shape := x.Shape()
	u, at := a.uniform(x.Scope(), shape[0], a.draws()), 0
	var b torch.Bend
	for _, one := range a.all {
		v := u.Narrow(1, at, one.Draws)
		at += one.Draws
		if a.chance.Valid() {
			due := u.Narrow(1, at, 1).Lt(x.Scope().Use(a.chance).To(u.Info().DType))
			v = torch.Where(due, v, v.Affine(0, one.Neutral))
			at++
		}
		one.Of(&b, vision.Size{Height: shape[2], Width: shape[3]}, v)
	}
	return x.Bend(b)
}

// adaPace is how many images it takes the chance at the most to go from 0 to 1 (Karras et al. 2020, "Training generative
// adversarial networks with limited data").
const adaPace = 500_000

// adapt raises the chance where the discriminator is surer of its reals than the target, and lowers it where it is less sure:
// by the mean of the signs of its logits, whose r_t that is.
func (a *augmenter) adapt(logits torch.Tensor, images int) {
	if !a.chance.Valid() {
		return
	}
	s := logits.Scope()
	d := a.chance.Info().DType
	sure := ofBatch(sign(logits.To(d)).Mean())
	step := sign(sure.AddScalar(-a.target)).MulScalar(float64(images) / adaPace)
	chance := s.Use(a.chance)
	chance.CopyFrom(chance.Add(step).Clamp(0, 1))
}

// sign is 1, 0 or -1.
func sign(x torch.Tensor) torch.Tensor {
	d := x.Info().DType
	return x.GtScalar(0).To(d).Sub(x.LtScalar(0).To(d))
}
