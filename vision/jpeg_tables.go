package vision

import "errors"

// jpegTables is which tables a JPEG has defined so far. A decompressor that is used again still holds those of the file
// before, and libjpeg would read a file that lacks its own with them: another picture, without a word.
type jpegTables struct {
	quant, dc, ac           byte // a bit a table
	progressive, arithmetic bool
	needed                  [4]byte // for each component, its quantization table
	components              int
}

var errNoTable = errors.New("jpeg: a table that its pixels need is missing: the file is damaged")

// frame takes the components of a frame header, three bytes each.
func (t *jpegTables) frame(marker byte, s []byte, components int) error {
	if len(s) < 3*components {
		return errors.New("jpeg: its frame header is too short")
	}
	t.components = components
	t.progressive, t.arithmetic = marker&3 == 2, marker > 0xc8
	for i := range components {
		t.needed[i] = s[3*i+2]
	}
	return nil
}

// quantization notes the tables of a DQT segment. One that is cut off is not noted.
func (t *jpegTables) quantization(s []byte) {
	for len(s) > 0 {
		id, n := s[0]&15, 65
		if s[0]>>4 > 0 {
			n = 129
		}
		if len(s) < n {
			return
		}
		t.quant |= 1 << id
		s = s[n:]
	}
}

// huffman notes the tables of a DHT segment.
func (t *jpegTables) huffman(s []byte) {
	for len(s) >= 17 {
		n := 17
		for _, codes := range s[1:17] {
			n += int(codes)
		}
		if len(s) < n {
			return
		}
		if s[0]>>4 == 0 {
			t.dc |= 1 << (s[0] & 15)
		} else {
			t.ac |= 1 << (s[0] & 15)
		}
		s = s[n:]
	}
}

// scan checks that the tables which a scan header asks for are there.
func (t *jpegTables) scan(s []byte) error {
	if len(s) < 1 || len(s) < 4+2*int(s[0]) {
		return errors.New("jpeg: a scan header is too short")
	}
	for _, id := range t.needed[:t.components] {
		if t.quant>>id&1 == 0 {
			return errNoTable
		}
	}
	n := int(s[0])
	start, refines := s[1+2*n], s[3+2*n]>>4 > 0
	for i := range n {
		id := s[2+2*i]
		dc := !t.progressive || start == 0 && !refines // refined DC is plain bits
		ac := !t.progressive || start > 0
		if !t.arithmetic && (dc && t.dc>>(id>>4)&1 == 0 || ac && t.ac>>(id&15)&1 == 0) {
			return errNoTable
		}
	}
	return nil
}
