package memory

import "context"

// Flow control. A token is one morsel of a scan in flight: a statement has so many (StatementOptions.ScanTokens), and
// a worker that finds none free waits before its next morsel. With StatementOptions.RateLimit a statement that is over
// its quota gives tokens up, one at a time and down to one, before anything of it is evicted; it gets them back when it
// is well below its quota again.

// tokens is the part of a Statement that knows its scans. Statement.mu protects it.
type tokens struct {
	left    int   // those not given up; at least 1
	used    int   // morsels in flight; more than left until those who read them have ended
	scans   int   // sources that are open: without one there is nothing to slow down
	unsaid  int   // the largest value of left whose end was not raised yet; 0: the last step was raised as well
	spent   bool  // one is left and the next action has been called
	raising bool  // an event of giving up is raised at the moment, without the mutex
	refused int64 // what the statement would have had if nothing had been refused at its quota, and nothing evicted
	free    signal
}

func (s *Statement) initTokens() {
	s.tokens.left, s.tokens.unsaid = s.options.ScanTokens, s.options.ScanTokens
	s.tokens.free.init()
}

// OpenScan tells that a worker begins to read a table. CloseScan ends it.
func (s *Statement) OpenScan() {
	s.mu.Lock()
	s.tokens.scans++
	s.mu.Unlock()
}

// CloseScan undoes OpenScan.
func (s *Statement) CloseScan() {
	s.mu.Lock()
	s.tokens.scans--
	s.mu.Unlock()
}

// TryToken takes a token, and tells if there was one. ReturnToken gives it back.
func (s *Statement) TryToken() bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.options.ScanTokens > 0 && s.tokens.used >= s.tokens.left {
		return false
	}
	s.tokens.used++
	return true
}

// AwaitToken waits for a token; to be called by what Wait runs.
func (s *Statement) AwaitToken(ctx context.Context) error {
	for {
		freed := s.tokens.free.enter()
		got := s.TryToken()
		if got {
			s.tokens.free.leave()
			return nil
		}
		select {
		case <-freed:
			s.tokens.free.leave()
		case <-ctx.Done():
			s.tokens.free.leave()
			return context.Cause(ctx)
		}
	}
}

// ReturnToken gives a token back.
func (s *Statement) ReturnToken() {
	s.mu.Lock()
	s.tokens.used--
	s.mu.Unlock()
	s.tokens.free.raise()
}

// giveUp is the first action of a statement that wants n bytes over its quota: it gives a token up. False says that it
// is the next action's turn. s.mu is held, and released meanwhile.
func (s *Statement) giveUp(n int64) bool {
	for s.tokens.raising {
		s.io.Wait() // steps are raised in order
	}
	e, step := s.nextStep(n)
	if e.Kind == EventNone {
		return step
	}
	s.say(e)
	return step
}

// nextStep takes the next step of flow control, and tells if there was one and the event to raise for it, if any.
func (s *Statement) nextStep(n int64) (Event, bool) {
	t := &s.tokens
	if !s.options.RateLimit || s.options.ScanTokens == 0 || t.scans == 0 || t.spent {
		return Event{}, false
	}
	e := Event{
		Kind: EventToken, Consumed: max(s.resident+n, t.refused), Quota: s.options.QuotaBytes,
		Tokens: s.options.ScanTokens, TokensLeft: t.left,
	}
	if t.left > 1 {
		t.left--
	} else {
		t.spent, e.Kind = true, EventTokensSpent
	}
	if e.TokensLeft > t.unsaid || s.options.OnEvent == nil {
		return Event{}, true
	}
	t.unsaid = e.TokensLeft - 1
	return e, true
}

// failAtQuota fails a statement that wants n bytes over its quota and has nothing to evict. Events come from a
// goroutine, as s.mu stays held.
func (s *Statement) failAtQuota(n int64) {
	var events []Event
	for {
		e, step := s.nextStep(n)
		if !step {
			break
		}
		if e.Kind != EventNone {
			events = append(events, e)
		}
	}
	if len(events) > 0 {
		go func() {
			for _, e := range events {
				s.options.OnEvent(e)
			}
		}()
	}
	s.fail(s.quotaError())
}

// relax gives the tokens back when a statement that gave some up is well below its quota.
func (s *Statement) relax() {
	t := &s.tokens
	if t.left == s.options.ScanTokens && !t.spent || s.resident >= s.options.QuotaBytes/4*3 {
		return
	}
	t.left, t.spent = s.options.ScanTokens, false
	t.free.raise()
}
