package board

import "math"

// pyramid keeps figures over steps in memory that does not grow: buckets of neighbouring lines with the least, the largest
// and the mean of each figure. When all buckets are full, each two become one.
type pyramid struct {
	most    int   // buckets, even
	width   int   // lines of a bucket
	lines   int64 // taken
	buckets []bucket
	columns []column // a figure each
}

// bucket is lines that lie one after the other.
type bucket struct {
	first, last int64 // steps
	offset      int64 // of its first line in the file
	lines       int
}

// column is a figure over the buckets.
type column struct{ cells []cell }

// cell is what is kept of a figure's values in a bucket. Infinite values and those that are no numbers are left out.
type cell struct {
	least, largest float32
	count          uint32
	sum            float64
}

func newPyramid(most int) *pyramid { return &pyramid{most: most, width: 1} }

// add takes a line: figures of a step, their places and values. Steps grow.
func (p *pyramid) add(step, offset int64, at []int, values []float64) {
	n := len(p.buckets)
	if n == 0 || p.buckets[n-1].lines == p.width {
		if n == p.most {
			p.halve()
			n = len(p.buckets)
		}
		p.buckets = append(p.buckets, bucket{first: step, offset: offset})
		n++
	}
	b := &p.buckets[n-1]
	b.last = step
	b.lines++
	p.lines++
	for i, place := range at {
		v := values[i]
		if math.IsNaN(v) || math.IsInf(v, 0) {
			continue
		}
		for place >= len(p.columns) {
			p.columns = append(p.columns, column{})
		}
		c := &p.columns[place]
		for len(c.cells) < n {
			c.cells = append(c.cells, cell{})
		}
		c.cells[n-1].merge(cell{float32(v), float32(v), 1, v})
	}
}

// merge takes another cell's values.
func (c *cell) merge(o cell) {
	switch {
	case o.count == 0:
		return
	case c.count == 0:
		*c = o
		return
	}
	c.least, c.largest = min(c.least, o.least), max(c.largest, o.largest)
	c.count += o.count
	c.sum += o.sum
}

// halve makes one bucket of each two.
func (p *pyramid) halve() {
	p.merge(2)
	p.width *= 2
}

// merge makes one bucket of each k.
func (p *pyramid) merge(k int) {
	for i := range p.buckets {
		if i%k == 0 {
			p.buckets[i/k] = p.buckets[i]
			continue
		}
		b := &p.buckets[i/k]
		b.last = p.buckets[i].last
		b.lines += p.buckets[i].lines
	}
	p.buckets = p.buckets[:(len(p.buckets)+k-1)/k]
	for i := range p.columns {
		c := &p.columns[i]
		for j := range c.cells {
			if j%k == 0 {
				c.cells[j/k] = c.cells[j]
				continue
			}
			c.cells[j/k].merge(c.cells[j])
		}
		c.cells = c.cells[:(len(c.cells)+k-1)/k]
	}
}

// within is a copy of the buckets that touch the steps from..to, and the offsets in the file that they lie between; end is
// -1 where they are the last.
func (p *pyramid) within(from, to int64) (part *pyramid, start, end int64) {
	lo, hi := 0, len(p.buckets)
	for lo < hi && p.buckets[lo].last < from {
		lo++
	}
	for hi > lo && p.buckets[hi-1].first > to {
		hi--
	}
	part = &pyramid{most: p.most, width: p.width, buckets: append([]bucket(nil), p.buckets[lo:hi]...)}
	for _, c := range p.columns {
		part.columns = append(part.columns, column{append([]cell(nil), c.cells[min(lo, len(c.cells)):min(hi, len(c.cells))]...)})
	}
	if lo == hi {
		return part, 0, 0
	}
	end = -1
	if hi < len(p.buckets) {
		end = p.buckets[hi].offset
	}
	return part, p.buckets[lo].offset, end
}
