package local

// MallocFigures are what malloc has from the system, in bytes. Used <= Resident <= Mapped.
type MallocFigures struct {
	Mapped   int64
	Resident int64 // of Mapped, without the holes that were given back; what is swapped out is not in it either
	Used     int64 // of Mapped
}
