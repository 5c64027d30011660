package data

// gaussian1d is N(0,1). A generator of latents from U[0,1] that has learned it is the inverse normal distribution
// function, or that of 1-z.
var gaussian1d = &Mixture{Means: [][]float64{{0}}, SD: 1}
