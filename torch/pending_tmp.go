package torch

func (s *Scope) GatherPoints(store Tensor, index []int64) Tensor   { panic("pending") }
func (u *Uploader) Points(s *Scope, n, d int) Tensor               { panic("pending") }
