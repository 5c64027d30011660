package data

// order is the sequence in which an epoch shows n images: a keyed permutation of [0,n) that is computed place by place,
// so that shuffling a million images takes neither memory nor a pause, and any position of any epoch is reached at once.
//
// It is a Feistel network over the smallest even number of bits that holds n, walked until it lands below n (cycle
// walking: Black and Rogaway, "Ciphers with Arbitrary Finite Domains", 2002).
type order struct {
	n    uint64
	half uint // bits of each half
	keys [rounds]uint64
}

// Six rounds: with four, neighbouring places of small sets still go together more often than chance.
const rounds = 6

func newOrder(seed uint64, epoch, n int) order {
	o := order{n: uint64(n), half: 1}
	for o.half < 31 && uint64(1)<<(2*o.half) < o.n {
		o.half++
	}
	key := mix(seed ^ mix(uint64(epoch)+0x9E3779B97F4A7C15))
	for i := range o.keys {
		key = mix(key + 0x9E3779B97F4A7C15)
		o.keys[i] = key
	}
	return o
}

// at is the image shown at place i.
func (o *order) at(i int) int {
	x := uint64(i)
	for {
		x = o.encrypt(x)
		if x < o.n {
			return int(x)
		}
	}
}

func (o *order) encrypt(x uint64) uint64 {
	mask := uint64(1)<<o.half - 1
	left, right := x>>o.half, x&mask
	for _, key := range o.keys {
		left, right = right, left^(mix(right^key)&mask)
	}
	return left<<o.half | right
}

// mix is the finalizer of SplitMix64 (Steele, Lea and Flood, 2014).
func mix(x uint64) uint64 {
	x = (x ^ x>>30) * 0xBF58476D1CE4E5B9
	x = (x ^ x>>27) * 0x94D049BB133111EB
	return x ^ x>>31
}
