package expr

import (
	"crypto/md5"
	"crypto/sha1"
	"crypto/sha256"
	"crypto/sha512"
	"encoding/base64"
	"encoding/binary"
	"encoding/hex"
	"hash/crc32"
	"math"
	"math/bits"
	"net/netip"
	"strconv"
	"sync/atomic"
	"time"

	"github.com/spillwaydb/spillway/internal/sqlerr"
	"github.com/spillwaydb/spillway/internal/types"
	"github.com/spillwaydb/spillway/internal/types/collation"
)

// Functions between numbers, bytes and their written forms, and digests.

func defineEncoding(t table) {
	t["hex"] = definition{1, 1, buildHex}
	t.simple("unhex", "s", 1, 1, returnsBytes(2, false), function{flags: mayNull, row: rowUnhex})
	t.simple("ascii", "s", 1, 1, returnsInt, function{row: func(r *row) error {
		return r.setI64(int64(firstByte(r.str(0))))
	}})
	t.simple("ord", "s", 1, 1, returnsInt, function{row: rowOrd})
	t.simple("char", "i", 1, -1, func(_ *builder, args []Expr) types.Type {
		return types.NewVarBinary(4 * len(args))
	}, function{flags: seesNull, row: rowChar})
	t.simple("bin", "s", 1, 1, returnsText(64), function{flags: mayNull, row: func(r *row) error {
		return r.conv(10, 2)
	}})
	t.simple("oct", "s", 1, 1, returnsText(64), function{flags: mayNull, row: func(r *row) error {
		return r.conv(10, 8)
	}})
	t.simple("conv", "sii", 3, 3, returnsText(64), function{flags: mayNull, row: func(r *row) error {
		return r.conv(r.i64(1), r.i64(2))
	}})
	t.simple("format", "nix", 2, 3, returnsText(100), function{row: rowFormat})
	t.simple("md5", "s", 1, 1, returnsText(32), function{row: func(r *row) error {
		s := md5.Sum(r.str(0))
		return r.setHex(s[:])
	}})
	t.simple("sha1", "s", 1, 1, returnsText(40), function{row: func(r *row) error {
		s := sha1.Sum(r.str(0))
		return r.setHex(s[:])
	}})
	t.alias("sha", "sha1")
	t.simple("sha2", "si", 2, 2, returnsText(128), function{flags: mayNull, row: rowSHA2})
	t.simple("crc32", "s", 1, 1, returns(types.NewInteger(types.BigInt, true)), function{row: func(r *row) error {
		return r.setU64(uint64(crc32.ChecksumIEEE(r.str(0))))
	}})
	t.simple("to_base64", "s", 1, 1, returnsBase64, function{row: rowToBase64})
	t.simple("from_base64", "s", 1, 1, returnsBytes(1, false), function{flags: mayNull, row: rowFromBase64})
	t.simple("inet_aton", "s", 1, 1, returnsUint, function{flags: mayNull, row: rowInetAton})
	t.simple("inet_ntoa", "i", 1, 1, returnsText(15), function{flags: mayNull, row: rowInetNtoa})
	t.simple("inet6_aton", "s", 1, 1, returns(types.NewVarBinary(16)), function{flags: mayNull, row: rowInet6Aton})
	t.simple("inet6_ntoa", "s", 1, 1, returnsText(39), function{flags: mayNull, row: rowInet6Ntoa})
	t.simple("is_ipv4", "s", 1, 1, returnsBool, function{flags: boolean | seesNull, row: rowIsIP(4)})
	t.simple("is_ipv6", "s", 1, 1, returnsBool, function{flags: boolean | seesNull, row: rowIsIP(6)})
	t.simple("uuid", "x", 0, 0, returnsText(36), function{flags: volatile, row: rowUUID})
	t.simple("uuid_short", "x", 0, 0, returnsUint, function{flags: volatile, row: rowUUIDShort})
	t.simple("uuid_to_bin", "si", 1, 2, returns(types.NewVarBinary(16)), function{row: rowUUIDToBin})
	t.simple("bin_to_uuid", "si", 1, 2, returnsText(36), function{row: rowBinToUUID})
	t.simple("is_uuid", "s", 1, 1, returnsBool, function{flags: boolean, row: func(r *row) error {
		_, ok := parseUUID(r.str(0))
		return r.setBool(ok)
	}})
	t.simple("soundex", "s", 1, 1, returnsLike(0, 1), function{row: rowSoundex})
}

// returnsBytes is a binary string of at most the first argument's bytes, divided or multiplied by factor.
func returnsBytes(factor int, times bool) resultType {
	return func(_ *builder, args []Expr) types.Type {
		n := args[0].Type().MaxBytes()
		if times {
			n = min(n*factor, types.MaxLongBlob)
		} else {
			n = (n + factor - 1) / factor
		}
		return types.NewVarBinary(n)
	}
}

func returnsBase64(b *builder, args []Expr) types.Type {
	n := (args[0].Type().MaxBytes() + 2) / 3 * 4
	return types.NewVarChar(min(n+n/76, types.MaxLongBlob), connection(b.env))
}

var (
	hexText = &function{name: "hex", row: rowHexText}
	hexInt  = &function{name: "hex", row: rowHexInt}
)

// buildHex: of a string the digits of its bytes, of a number those of its value.
func buildHex(b *builder, args []Expr) (Expr, error) {
	c := connection(b.env)
	if t := args[0].Type(); t.IsNumeric() && t.ID != types.Bit {
		e := args[0]
		if t.Phys() != types.PhysUint64 {
			e = NewCast(e, types.NewBigInt())
		}
		return b.call(hexInt, []Expr{e}, types.NewVarChar(16, c), c, collation.CoerceCoercible), nil
	}
	e := b.toString(args[0])
	n := min(2*e.Type().MaxBytes(), types.MaxLongBlob)
	return b.call(hexText, []Expr{e}, types.NewVarChar(n, c), c, collation.CoerceCoercible), nil
}

const upperHex = "0123456789ABCDEF"

func rowHexText(r *row) error {
	s := r.str(0)
	return r.build(2*int64(len(s)), func(dst []byte) {
		for i, c := range s {
			dst[2*i], dst[2*i+1] = upperHex[c>>4], upperHex[c&15]
		}
	})
}

func rowHexInt(r *row) error {
	var v uint64
	if r.argType(0).Phys() == types.PhysUint64 {
		v = r.u64(0)
	} else {
		v = uint64(r.i64(0))
	}
	return r.setBuf(bytesUpper(strconv.AppendUint(r.buf(), v, 16)))
}

func bytesUpper(b []byte) []byte {
	for i, c := range b {
		if c >= 'a' && c <= 'z' {
			b[i] = c - 'a' + 'A'
		}
	}
	return b
}

func (r *row) setHex(b []byte) error { return r.setBuf(hex.AppendEncode(r.bufFor(2*len(b)), b)) }

func hexDigit(c byte) int {
	switch {
	case c >= '0' && c <= '9':
		return int(c - '0')
	case c >= 'a' && c <= 'f':
		return int(c - 'a' + 10)
	case c >= 'A' && c <= 'F':
		return int(c - 'A' + 10)
	}
	return -1
}

func rowUnhex(r *row) error {
	s := r.str(0)
	out := r.bufFor(len(s)/2 + 1)
	if len(s)%2 == 1 {
		d := hexDigit(s[0])
		if d < 0 {
			return r.unhexFailed()
		}
		out, s = append(out, byte(d)), s[1:]
	}
	for i := 0; i < len(s); i += 2 {
		h, l := hexDigit(s[i]), hexDigit(s[i+1])
		if h < 0 || l < 0 {
			return r.unhexFailed()
		}
		out = append(out, byte(h<<4|l))
	}
	return r.setBuf(out)
}

func (r *row) unhexFailed() error {
	r.ev.note(sqlerr.New(sqlerr.ErrWrongValueForType, "string", printable(r.str(0)), "unhex"))
	return r.setNull()
}

func firstByte(s []byte) byte {
	if len(s) == 0 {
		return 0
	}
	return s[0]
}

func rowOrd(r *row) error {
	s := r.str(0)
	n := min(collation.PrefixLen(r.argType(0).Collation, s, 1), len(s))
	v := int64(0)
	for _, c := range s[:n] {
		v = v<<8 | int64(c)
	}
	return r.setI64(v)
}

func rowChar(r *row) error {
	out := r.buf()
	for k := range r.nargs() {
		if r.isNull(k) {
			continue
		}
		v := uint32(r.i64(k))
		switch {
		case v > 0xffffff:
			out = binary.BigEndian.AppendUint32(out, v)
		case v > 0xffff:
			out = append(out, byte(v>>16), byte(v>>8), byte(v))
		case v > 0xff:
			out = append(out, byte(v>>8), byte(v))
		default:
			out = append(out, byte(v))
		}
	}
	return r.setBuf(out)
}

// conv is CONV(n, from, to): 64 bits; a negative base is for signed numbers; overflow gives the largest number.
func (r *row) conv(from, to int64) error {
	fromBase, toBase := from, to
	if fromBase < 0 {
		fromBase = -fromBase
	}
	if toBase < 0 {
		toBase = -toBase
	}
	s := r.str(0)
	if fromBase < 2 || fromBase > 36 || toBase < 2 || toBase > 36 {
		return r.setNull()
	}
	for len(s) > 0 && s[0] == ' ' {
		s = s[1:]
	}
	if len(s) == 0 {
		return r.setNull()
	}
	negative := s[0] == '-'
	if negative || s[0] == '+' {
		s = s[1:]
	}
	v, over := uint64(0), false
	for _, c := range s {
		d := digitOf(c)
		if d < 0 || int64(d) >= fromBase {
			break
		}
		hi, lo := bits.Mul64(v, uint64(fromBase))
		sum, carry := bits.Add64(lo, uint64(d), 0)
		over = over || hi != 0 || carry != 0
		v = sum
	}
	if over {
		v = math.MaxUint64
	} else if negative {
		if from < 0 && v > 1<<63 {
			v = 1 << 63
		}
		v = -v
	}
	out := r.buf()
	if to < 0 && int64(v) < 0 {
		out = append(out, '-')
		v = -v
	}
	return r.setBuf(bytesUpper(strconv.AppendUint(out, v, int(toBase))))
}

func digitOf(c byte) int {
	switch {
	case c >= '0' && c <= '9':
		return int(c - '0')
	case c >= 'a' && c <= 'z':
		return int(c-'a') + 10
	case c >= 'A' && c <= 'Z':
		return int(c-'A') + 10
	}
	return -1
}

// rowFormat is FORMAT(x, d): d digits behind the point, commas between thousands (en_US).
func rowFormat(r *row) error {
	scale := uint8(min(max(r.i64(1), 0), types.MaxScale))
	d := r.datum(0)
	var v types.Dec
	ok := true
	if d.Kind == types.PhysFloat64 {
		v, ok = types.DecFromFloat64(d.F, scale)
	} else {
		n, s, _ := r.ev.number(d)
		v, ok = n.Rescale(s, scale)
	}
	if !ok {
		return r.setBuf(strconv.AppendFloat(r.buf(), d.F, 'f', int(scale), 64))
	}
	text := v.Append(nil, scale)
	out := r.buf()
	if text[0] == '-' {
		out, text = append(out, '-'), text[1:]
	}
	whole := len(text)
	if scale > 0 {
		whole -= int(scale) + 1
	}
	for i, c := range text[:whole] {
		if i > 0 && (whole-i)%3 == 0 {
			out = append(out, ',')
		}
		out = append(out, c)
	}
	return r.setBuf(append(out, text[whole:]...))
}

func rowSHA2(r *row) error {
	s := r.str(0)
	switch r.i64(1) {
	case 0, 256:
		h := sha256.Sum256(s)
		return r.setHex(h[:])
	case 224:
		h := sha256.Sum224(s)
		return r.setHex(h[:])
	case 384:
		h := sha512.Sum384(s)
		return r.setHex(h[:])
	case 512:
		h := sha512.Sum512(s)
		return r.setHex(h[:])
	}
	return r.setNull()
}

// base64Line is the length of the lines of TO_BASE64.
const base64Line = 76

func rowToBase64(r *row) error {
	plain := base64.StdEncoding.AppendEncode(nil, r.str(0))
	out := r.bufFor(len(plain) + len(plain)/base64Line)
	for len(plain) > base64Line {
		out = append(append(out, plain[:base64Line]...), '\n')
		plain = plain[base64Line:]
	}
	return r.setBuf(append(out, plain...))
}

func rowFromBase64(r *row) error {
	clean := make([]byte, 0, len(r.str(0)))
	for _, c := range r.str(0) {
		switch c {
		case ' ', '\t', '\n', '\r', '\v', '\f':
		default:
			clean = append(clean, c)
		}
	}
	out, err := base64.StdEncoding.AppendDecode(r.buf(), clean)
	if err != nil {
		return r.setNull()
	}
	return r.setBuf(out)
}

// rowInetAton takes short forms too: '127.1' is 127.0.0.1.
func rowInetAton(r *row) error {
	s := r.str(0)
	v, part, digits, dots := uint64(0), uint64(0), 0, 0
	for _, c := range s {
		switch {
		case c >= '0' && c <= '9' && digits < 4:
			part = part*10 + uint64(c-'0')
			digits++
			if part > 255 {
				return r.setNull()
			}
		case c == '.' && digits > 0 && dots < 3:
			v, part, digits = v<<8|part, 0, 0
			dots++
		default:
			return r.setNull()
		}
	}
	if digits == 0 {
		return r.setNull()
	}
	for ; dots > 0 && dots < 3; dots++ {
		v <<= 8
	}
	return r.setU64(v<<8 | part)
}

func rowInetNtoa(r *row) error {
	v := r.i64(0)
	if v < 0 || v > math.MaxUint32 {
		return r.setNull()
	}
	a := netip.AddrFrom4([4]byte{byte(v >> 24), byte(v >> 16), byte(v >> 8), byte(v)})
	return r.setBuf(a.AppendTo(r.buf()))
}

func rowInet6Aton(r *row) error {
	a, err := netip.ParseAddr(string(r.str(0)))
	if err != nil || a.Zone() != "" {
		return r.setNull()
	}
	return r.setStr(a.AsSlice())
}

func rowInet6Ntoa(r *row) error {
	a, ok := netip.AddrFromSlice(r.str(0))
	if !ok {
		return r.setNull()
	}
	return r.setBuf(a.AppendTo(r.buf()))
}

func rowIsIP(version int) func(*row) error {
	return func(r *row) error {
		if r.isNull(0) {
			return r.setBool(false)
		}
		a, err := netip.ParseAddr(string(r.str(0)))
		return r.setBool(err == nil && a.Zone() == "" && a.Is4() == (version == 4))
	}
}

// rowUUID makes a version 1 UUID out of the generator's words: the layout clients expect, without a clock or an
// address.
func rowUUID(r *row) error {
	var b [16]byte
	binary.BigEndian.PutUint64(b[:], r.ev.next())
	binary.BigEndian.PutUint64(b[8:], r.ev.next())
	b[6] = b[6]&0x0f | 0x10
	b[8] = b[8]&0x3f | 0x80
	return r.setBuf(appendUUID(r.buf(), b))
}

// shortIDs counts the values of UUID_SHORT. The time of the start above them, as in MySQL, keeps them apart over
// restarts.
var (
	shortIDs      atomic.Uint64
	shortIDsStart = uint64(time.Now().Unix()) << 24
)

func rowUUIDShort(r *row) error { return r.setU64(shortIDsStart + shortIDs.Add(1)) }

func appendUUID(dst []byte, b [16]byte) []byte {
	for i, c := range b {
		if i == 4 || i == 6 || i == 8 || i == 10 {
			dst = append(dst, '-')
		}
		dst = append(dst, "0123456789abcdef"[c>>4], "0123456789abcdef"[c&15])
	}
	return dst
}

func parseUUID(s []byte) (b [16]byte, ok bool) {
	if len(s) == 38 && s[0] == '{' && s[37] == '}' {
		s = s[1:37]
	}
	var digits []byte
	for i, c := range s {
		if c == '-' && len(s) == 36 && (i == 8 || i == 13 || i == 18 || i == 23) {
			continue
		}
		digits = append(digits, c)
	}
	if len(digits) != 32 || len(s) != 32 && len(s) != 36 {
		return b, false
	}
	_, err := hex.Decode(b[:], digits)
	return b, err == nil
}

// swapUUID exchanges time-low and time-high, which makes UUIDs of version 1 ascend.
func swapUUID(b [16]byte, back bool) [16]byte {
	var out [16]byte
	if back {
		copy(out[:4], b[4:8])
		copy(out[4:6], b[2:4])
		copy(out[6:8], b[:2])
	} else {
		copy(out[:2], b[6:8])
		copy(out[2:4], b[4:6])
		copy(out[4:8], b[:4])
	}
	copy(out[8:], b[8:])
	return out
}

func rowUUIDToBin(r *row) error {
	b, ok := parseUUID(r.str(0))
	if !ok {
		return sqlerr.New(sqlerr.ErrWrongValueForType, "string", printable(r.str(0)), "uuid_to_bin")
	}
	if r.nargs() > 1 && r.i64(1) != 0 {
		b = swapUUID(b, false)
	}
	return r.setStr(b[:])
}

func rowBinToUUID(r *row) error {
	if len(r.str(0)) != 16 {
		return sqlerr.New(sqlerr.ErrWrongValueForType, "string", printable(r.str(0)), "bin_to_uuid")
	}
	b := [16]byte(r.str(0))
	if r.nargs() > 1 && r.i64(1) != 0 {
		b = swapUUID(b, true)
	}
	return r.setBuf(appendUUID(r.buf(), b))
}

func rowSoundex(r *row) error {
	const codes = "01230120022455012623010202" // of A to Z; 0: not coded
	out := r.buf()
	last := byte('0')
	for _, c := range bytesUpper(append([]byte(nil), r.str(0)...)) {
		if c < 'A' || c > 'Z' {
			continue
		}
		code := codes[c-'A']
		if len(out) == 0 {
			out, last = append(out, c), code
			continue
		}
		if code != '0' && code != last {
			out = append(out, code)
		}
		if c != 'H' && c != 'W' {
			last = code
		}
	}
	for len(out) > 0 && len(out) < 4 {
		out = append(out, '0')
	}
	return r.setBuf(out)
}
