package trainer

import (
	"testing"

	"forger/data"
	"forger/torch"

	"github.com/stretchr/testify/assert"
)

// Small layers of points take one thread, whichever network has them; wider ones and images take what there is.
func TestSmallNetworksTakeOneThread(t *testing.T) {
	all := torch.DefaultThreads()
	for _, c := range []struct{ points, gen, disc, batch, want int }{
		{2, 64, 64, 256, 1}, {2, 64, 128, 256, all}, {2, 128, 64, 256, all}, {2, 64, 64, 4096, all}, {0, 64, 64, 64, all},
	} {
		o := defaults()
		o.Method.Model.GenWidth, o.Method.Model.DiscWidth, o.Run.Batch = c.gen, c.disc, c.batch
		shape := data.Shape{Points: c.points}
		if c.points == 0 {
			shape = shape16
		}
		p := &setup{job: o.job(), ds: fakeData{n: 1, shape: shape}}
		assert.Equal(t, c.want, p.threads(), "%+v", c)
	}
}
