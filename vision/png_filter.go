package vision

// unfilter undoes a row's filter in place, as the PNG specification (9.2) has it; above is nil in the first row, step is
// the bytes a pixel. It says whether it knows the filter.
func unfilter(row, above []byte, filter byte, step int) bool {
	switch filter {
	case 0:
	case 1: // left
		for i := step; i < len(row); i++ {
			row[i] += row[i-step]
		}
	case 2: // above
		for i, v := range above {
			row[i] += v
		}
	case 3: // the mean of both
		unfilterMean(row, above, step)
	case 4:
		unfilterPaeth(row, above, step)
	default:
		return false
	}
	return true
}

func unfilterMean(row, above []byte, step int) {
	if above == nil {
		for i := step; i < len(row); i++ {
			row[i] += row[i-step] / 2
		}
		return
	}
	for i := range step {
		row[i] += above[i] / 2
	}
	for i := step; i < len(row); i++ {
		row[i] += byte((int(row[i-step]) + int(above[i])) / 2)
	}
}

// unfilterPaeth adds whichever of left, above and above left is nearest to left + above - above left.
func unfilterPaeth(row, above []byte, step int) {
	if above == nil { // then left is nearest
		unfilter(row, nil, 1, step)
		return
	}
	for i := range step {
		row[i] += above[i]
	}
	for i := step; i < len(row); i++ {
		a, b, c := int(row[i-step]), int(above[i]), int(above[i-step])
		pa, pb := b-c, a-c
		pc := pa + pb
		pa, pb, pc = max(pa, -pa), max(pb, -pb), max(pc, -pc)
		switch {
		case pa <= pb && pa <= pc:
			row[i] += byte(a)
		case pb <= pc:
			row[i] += byte(b)
		default:
			row[i] += byte(c)
		}
	}
}
