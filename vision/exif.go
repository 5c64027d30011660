package vision

import "encoding/binary"

// orientationOf finds the orientation, 1 to 8, in EXIF data, which has the layout of a TIFF file. What cannot be
// understood counts as upright: cameras and editors write much that is nearly EXIF.
func orientationOf(exif []byte) int {
	if len(exif) >= 6 && string(exif[:6]) == "Exif\x00\x00" { // some writers put JPEG's prefix everywhere
		exif = exif[6:]
	}
	if len(exif) < 8 {
		return 1
	}
	var order binary.ByteOrder = binary.LittleEndian
	switch string(exif[:4]) {
	case "II*\x00":
	case "MM\x00*":
		order = binary.BigEndian
	default:
		return 1
	}
	at := uint64(order.Uint32(exif[4:]))
	if at+2 > uint64(len(exif)) {
		return 1
	}
	entries := exif[at+2:]
	for range order.Uint16(exif[at:]) {
		if len(entries) < 12 {
			break
		}
		const orientation, short = 0x0112, 3
		if order.Uint16(entries) == orientation && order.Uint16(entries[2:]) == short {
			if v := int(order.Uint16(entries[8:])); v >= 1 && v <= 8 {
				return v
			}
		}
		entries = entries[12:]
	}
	return 1
}

// upright turns and mirrors m as its EXIF orientation says, to what Pillow's ImageOps.exif_transpose makes.
func (r *Reader) upright(m picture) picture {
	orientation, c := m.orientation, m.Channels
	if orientation <= 1 {
		return m
	}
	// Walking over the result, x and y advance by these many bytes in the source, from its corner start.
	right, down := c, m.Width*c
	start := 0
	if orientation == 2 || orientation == 3 || orientation == 7 || orientation == 8 { // mirrored from left to right
		start, right = start+(m.Width-1)*c, -right
	}
	if orientation == 3 || orientation == 4 || orientation == 6 || orientation == 7 { // upside down
		start, down = start+(m.Height-1)*m.Width*c, -down
	}
	out := m
	if orientation >= 5 { // on its side
		right, down = down, right
		out.Height, out.Width = m.Width, m.Height
		out.fileHeight, out.fileWidth = m.fileWidth, m.fileHeight
	}
	r.other = grow(r.other, len(m.Pix))
	out.Pix = r.other
	i := 0
	for y := range out.Height {
		at := start + y*down
		for range out.Width {
			copy(out.Pix[i:i+c], m.Pix[at:at+c])
			i, at = i+c, at+right
		}
	}
	r.decoded, r.other = r.other, r.decoded
	return out
}
