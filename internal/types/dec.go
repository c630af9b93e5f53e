package types

// Dec is the value of a DECIMAL without its scale: a signed 256-bit integer in two's complement, words in little-endian
// order. The number is Dec / 10^scale, the scale being that of the Type. 65 digits need 216 bits.
type Dec [4]uint64
