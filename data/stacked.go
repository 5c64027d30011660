package data

import (
	"fmt"
	"sync"
)

// stacked is Stacked MNIST (Metz et al. 2017): three random digits as the channels of an image, which makes 1,000 modes.
// Image i is a function of the seed and i alone, so that its label, the three digits as a number, is known.
type stacked struct {
	labelled
	digits *mnist
	seed   uint64
	planes sync.Pool // of *[]byte, an image of one channel
}

// stackedEpoch is PacGAN's number of images (Lin et al. 2018).
const stackedEpoch = 128_000

func openStacked(dir string, o Options) (Dataset, error) {
	if o.Channels != 3 {
		return nil, &SpecError{fmt.Sprintf("data %q: channels %d: three digits are its three channels: leave it out", "stacked-mnist:"+dir, o.Channels)}
	}
	o.Channels = 1
	ds, err := openMNIST(dir, o)
	if err != nil {
		return nil, err
	}
	s := &stacked{digits: ds.(*mnist), seed: o.Seed}
	for i := range 1000 {
		s.classes = append(s.classes, fmt.Sprintf("%03d", i))
	}
	s.planes.New = func() any {
		plane := make([]byte, s.digits.shape.Bytes())
		return &plane
	}
	return s, nil
}

func (s *stacked) Spec() string { return "stacked-mnist:" + s.digits.dir }
func (s *stacked) Len() int     { return stackedEpoch }
func (s *stacked) Close() error { return s.digits.Close() }

func (s *stacked) Shape() Shape {
	shape := s.digits.shape
	shape.Channels = 3
	return shape
}

func (s *stacked) Fingerprint() string {
	return fmt.Sprintf("stacked 1 seed %d %s", s.seed, s.digits.Fingerprint())
}

// of is the digits that image i is made of.
func (s *stacked) of(i int) (digits [3]int) {
	d := draws(mix(s.seed) ^ mix(uint64(i)))
	for c := range digits {
		digits[c] = int((d.next() + 1) / 2 * float64(s.digits.Len()))
	}
	return digits
}

func (s *stacked) Label(i int) int {
	label := 0
	for _, digit := range s.of(i) {
		label = 10*label + s.digits.Label(digit)
	}
	return label
}

func (s *stacked) Read(_, i int, dst []byte) error {
	plane := s.planes.Get().(*[]byte)
	defer s.planes.Put(plane)
	for c, digit := range s.of(i) {
		if err := s.digits.Read(0, digit, *plane); err != nil {
			return err
		}
		for k, v := range *plane {
			dst[3*k+c] = v
		}
	}
	return nil
}
