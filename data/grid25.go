package data

// grid25 is twenty-five modes in a square, {-4,-2,0,2,4}^2, of variance .05^2 (PacGAN, Lin et al. 2018).
var grid25 = &Mixture{Means: lattice(-4, -2, 0, 2, 4), SD: .05}

// lattice is the points of the plane with these coordinates.
func lattice(at ...float64) (points [][]float64) {
	for _, y := range at {
		for _, x := range at {
			points = append(points, []float64{x, y})
		}
	}
	return points
}
