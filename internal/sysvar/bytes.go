package sysvar

import (
	"math"
	"strconv"
	"strings"

	"github.com/spillwaydb/spillway/internal/sqlerr"
)

// sizeUnits, longest first; all are powers of 1024, as in TiDB and MySQL.
var sizeUnits = []struct {
	suffix string
	bytes  uint64
}{
	{"KIB", 1 << 10}, {"MIB", 1 << 20}, {"GIB", 1 << 30}, {"TIB", 1 << 40}, {"KB", 1 << 10}, {"MB", 1 << 20},
	{"GB", 1 << 30}, {"TB", 1 << 40}, {"K", 1 << 10}, {"M", 1 << 20}, {"G", 1 << 30}, {"T", 1 << 40}, {"B", 1},
}

// ParseBytesOrPercent reads "80%", "512MB", "1GiB", "1073741824" or "0". total is what percents are of, in bytes;
// percent is 0 for a value that is none. Error 1231 without a variable's name.
func ParseBytesOrPercent(s string, total uint64) (bytes uint64, percent float64, err error) {
	wrong := func() (uint64, float64, error) {
		return 0, 0, sqlerr.Newf(sqlerr.ErrWrongValueForVar, "'%s' is no number of bytes and no percentage", s)
	}
	text := strings.ToUpper(strings.TrimSpace(s))
	if number, ok := strings.CutSuffix(text, "%"); ok {
		percent, err := strconv.ParseFloat(strings.TrimSpace(number), 64)
		if err != nil || percent <= 0 || percent > 100 {
			return wrong()
		}
		return uint64(float64(total) * percent / 100), percent, nil
	}
	factor := uint64(1)
	for _, u := range sizeUnits {
		if number, ok := strings.CutSuffix(text, u.suffix); ok {
			text, factor = strings.TrimSpace(number), u.bytes
			break
		}
	}
	if n, err := strconv.ParseUint(text, 10, 64); err == nil {
		if n > math.MaxUint64/factor {
			return wrong()
		}
		return n * factor, 0, nil
	}
	f, err := strconv.ParseFloat(text, 64)
	if err != nil || factor == 1 || !(f >= 0) || f*float64(factor) >= math.MaxInt64 {
		return wrong()
	}
	return uint64(f * float64(factor)), 0, nil
}
