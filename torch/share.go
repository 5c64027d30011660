package torch

// Share is what a process has of a batch that several compute: Count rows from First on, of Of. The zero Share is the whole.
type Share struct {
	First, Count, Of int
	Among            *Comm // the processes; nil: this one alone
}

// Weight is the part of the batch's rows that p has: what a mean over them counts for in the mean over the batch.
func (p Share) Weight() float64 {
	if p.Of == 0 {
		return 1
	}
	return float64(p.Count) / float64(p.Of)
}

// Part says what share of a batch the scope's rows are.
func Part(p Share) Option { return func(s *settings) { s.share = p } }

// Share is what the rows of s are of a batch.
func (s *Scope) Share() Share { return s.inherited("share").share }

// Drawn is a random tensor of shape whose rows along dim are those of s's share of a batch. draw makes it for the whole
// batch, so that streams move alike whoever has which rows, and a row has the same numbers; of the whole it is draw's own.
func (s *Scope) Drawn(dim int, draw func(shape ...int) Tensor, shape ...int) Tensor {
	p := s.Share()
	if p.Of == 0 {
		return draw(shape...)
	}
	if dim < 0 || dim >= len(shape) {
		misuse("drawn", Failed, "%v: it has no dim %d", shape, dim)
	}
	rows := shape[dim] // as many as p has, or a part of them each, where rows were packed
	if rows == 0 || rows*p.Of%p.Count != 0 || rows*p.First%p.Count != 0 {
		misuse("drawn", Failed, "%v: dim %d is no share of rows %d to %d of %d", shape, dim, p.First, p.First+p.Count, p.Of)
	}
	whole := append([]int(nil), shape...)
	whole[dim] = rows * p.Of / p.Count
	return draw(whole...).Narrow(dim, rows*p.First/p.Count, rows)
}
