package gan

import (
	"errors"
	"path/filepath"

	"forger/data"
	"forger/gan/feature"
	"forger/gan/method"
	"forger/internal/seed"
	"forger/internal/setting"
	"forger/torch"
	"forger/vision"
)

const (
	neighboured = 16 // samples of the picture
	neighbours  = 3  // real images beside each
)

// drawNeighbours writes a picture of generated images, each beside the nearest real ones in features: where they are the same, the
// network has copied its data.
func (j *judge) drawNeighbours(s *torch.Scope) error {
	switch {
	case filepath.Ext(j.Neighbours) != ".png":
		return setting.Usagef("--neighbours %s: it is a picture: name a .png", j.Neighbours)
	case j.drawer == nil || j.real == nil || j.shape.IsPoints():
		return setting.Usagef("--neighbours: it shows what a checkpoint of images draws beside real ones: name both, with --checkpoint and --against")
	}
	c := s.Child()
	defer c.Close()
	n := min(j.N, j.real.Len())
	if n < neighbours {
		return errors.New("--neighbours: too few real images: name more data")
	}
	all, err := feature.OfData(j.ctx, c, j.extractor, j.real, feature.KeepAll, j.Seed, n)
	if err != nil {
		return err
	}
	noise := c.NewGenerator(seed.Of(j.Seed, "samples"))
	drawn := j.drawer.sampler.Sample(j.drawer.sampler.Noise(c, noise, neighboured), j.drawer.sampler.Labels(c, 0, neighboured))
	of, _ := j.extractor.Of(drawn)
	_, nearest := of.Cdist(all[0].X, 2).TopK(neighbours, 1, false)
	pixels, size := method.Bytes(drawn, j.shape), j.shape.Bytes()
	real, err := j.realImages(nearest.Ints())
	if err != nil {
		return err
	}
	var rows []byte
	for i := range neighboured {
		rows = append(rows, pixels[i*size:(i+1)*size]...)
		rows = append(rows, real[i*neighbours*size:(i+1)*neighbours*size]...)
	}
	shape := j.shape
	return vision.SavePNG(j.Neighbours, vision.Grid(rows, neighboured*(1+neighbours), shape.Height, shape.Width, shape.Channels, 2*(1+neighbours)))
}

// realImages are those at places of the choice that features were taken of, uint8 [N,H,W,C].
func (j *judge) realImages(at []int64) (pixels []byte, err error) {
	_, order := seed.Data(j.Seed)
	size := j.shape.Bytes()
	_, chosen := data.Plan{Len: j.real.Len(), Batch: j.real.Len(), Seed: order, Shuffle: true}.Images(0)
	pixels = make([]byte, len(at)*size)
	for i, place := range at {
		if err := j.real.Read(0, chosen[place], pixels[i*size:(i+1)*size]); err != nil {
			return nil, err
		}
	}
	return pixels, nil
}
