package memory

// EventKind is a step taken under pressure, in TiDB's terms.
type EventKind uint8

const (
	EventNone        EventKind = iota // never raised
	EventToken                        // "memory exceeds quota, destroy one token now."
	EventTokensSpent                  // "memory exceeds quota, rateLimitAction delegate to fallback action"
	EventSpill                        // "memory exceeds quota, spill to disk now."
	EventAggMode                      // "memory exceeds quota, set aggregate mode to spill-mode" (by the operator)
	EventQuota                        // over the quota, action LOG
	eventKinds
)

// Event is what happened to a statement under pressure; bytes.
type Event struct {
	Kind     EventKind
	Consumed int64
	Quota    int64
	// Tokens and, before one is given up, TokensLeft: of EventToken and EventTokensSpent.
	Tokens, TokensLeft int
}

// Event raises an event, once for each kind. Before an operator's, the statement takes the steps that come first.
func (s *Statement) Event(k EventKind) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if k == EventAggMode {
		if !s.spills() {
			return // there is no other mode
		}
		for s.options.QuotaBytes > 0 && !s.raised[k] && s.giveUp(0) {
		}
		s.raiseSpill(0)
	}
	s.raise(s.pressure(k, 0))
}

// raiseSpill says that blocks are about to be written because n more bytes are wanted. s.mu is held, and released
// meanwhile.
func (s *Statement) raiseSpill(n int64) {
	if s.options.OnEvent == nil || s.raised[EventSpill] && !s.tokens.raising {
		return
	}
	if q := s.options.QuotaBytes; q > 0 && s.resident+n > q {
		s.tokens.refused = max(s.tokens.refused, s.resident+n)
	}
	s.raise(s.pressure(EventSpill, n))
}

// pressure is an event with what the statement would hold if nothing had been refused, n more bytes included. Where
// that is within the quota, it is the server's pages that are short, and the event has their figures.
func (s *Statement) pressure(k EventKind, n int64) Event {
	e := Event{Kind: k, Consumed: max(s.resident+n, s.tokens.refused), Quota: s.options.QuotaBytes}
	if e.Quota > 0 && e.Consumed > e.Quota {
		return e
	}
	p := s.pool
	e.Quota = p.limit.Load()
	e.Consumed = max(p.inUse.Load()+headroom(e.Quota), e.Quota-max(p.arbiter.free(), 0)+s.missing)
	return e
}

// raise calls OnEvent, once for each kind, in order with other events. s.mu is held, and released meanwhile.
func (s *Statement) raise(e Event) {
	for s.tokens.raising {
		s.io.Wait()
	}
	if s.raised[e.Kind] || s.options.OnEvent == nil {
		return
	}
	s.raised[e.Kind] = true
	s.say(e)
}

// say calls OnEvent while others wait with theirs. s.mu is held, and released meanwhile.
func (s *Statement) say(e Event) {
	s.tokens.raising = true
	s.mu.Unlock()
	s.options.OnEvent(e)
	s.mu.Lock()
	s.tokens.raising = false
	s.io.Broadcast()
}

// passQuota notes that n more bytes take a statement over its quota that cannot be shrunk and need not be cancelled.
// The event comes from a goroutine, as s.mu stays held.
func (s *Statement) passQuota(n int64) {
	if s.options.OnEvent == nil || s.raised[EventQuota] {
		return
	}
	s.raised[EventQuota] = true
	go s.options.OnEvent(Event{
		Kind: EventQuota, Consumed: max(s.resident, s.granted+s.leased) + n, Quota: s.options.QuotaBytes,
	})
}
