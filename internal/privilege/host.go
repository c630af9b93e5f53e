package privilege

import (
	"net/netip"
	"strings"
)

// hostMatches tells if a client, known by name and by address, fits a host pattern: a name or address with the
// wildcards % and _, an address with netmask, or one in CIDR form.
func hostMatches(pattern, host, ip string) bool {
	if pattern == "%" {
		return true
	}
	if net, mask, ok := strings.Cut(pattern, "/"); ok {
		return maskMatches(net, mask, ip)
	}
	host = strings.ToLower(host)
	return wildMatch(pattern, host) || ip != "" && wildMatch(pattern, ip)
}

func maskMatches(net, mask, ip string) bool {
	addr, err := netip.ParseAddr(ip)
	if err != nil {
		return false
	}
	addr = addr.Unmap()
	base, err := netip.ParseAddr(net)
	if err != nil {
		return false
	}
	if !strings.Contains(mask, ".") {
		prefix, err := netip.ParsePrefix(net + "/" + mask)
		return err == nil && prefix.Contains(addr)
	}
	m, err := netip.ParseAddr(mask)
	if err != nil || !m.Is4() || !addr.Is4() || !base.Is4() {
		return false
	}
	a, b, mm := addr.As4(), base.As4(), m.As4()
	for i := range a {
		if a[i]&mm[i] != b[i] {
			return false
		}
	}
	return true
}

// wildMatch is LIKE over bytes: % any bytes, _ one byte, backslash takes the next byte as it is. It backtracks to the
// last % only, so it takes at most len(pattern) * len(s) steps.
func wildMatch(pattern, s string) bool {
	p, i := 0, 0
	star, mark := -1, 0
	for i < len(s) {
		if p < len(pattern) {
			switch c := pattern[p]; {
			case c == '%':
				star, mark = p, i
				p++
				continue
			case c == '_':
				p, i = p+1, i+1
				continue
			case c == '\\' && p+1 < len(pattern):
				if pattern[p+1] == s[i] {
					p, i = p+2, i+1
					continue
				}
			case c == s[i]:
				p, i = p+1, i+1
				continue
			}
		}
		if star < 0 {
			return false
		}
		mark++
		p, i = star+1, mark
	}
	for p < len(pattern) && pattern[p] == '%' {
		p++
	}
	return p == len(pattern)
}

// specificity orders patterns: those without wildcards first, then by the length of what stands before the first
// wildcard; "%" alone comes last. A literal name comes before a literal address, which comes before a netmask.
func specificity(pattern string) int {
	if strings.Contains(pattern, "/") {
		return 1 << 16
	}
	if i := firstWildcard(pattern); i >= 0 {
		return i
	}
	if _, err := netip.ParseAddr(pattern); err == nil {
		return 1 << 17
	}
	return 1 << 18
}

// firstWildcard is the position of the first wildcard that is not escaped, -1 if there is none.
func firstWildcard(pattern string) int {
	for i := 0; i < len(pattern); i++ {
		switch pattern[i] {
		case '\\':
			i++
		case '%', '_':
			return i
		}
	}
	return -1
}
