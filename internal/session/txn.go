package session

import (
	"context"
	"time"

	"github.com/spillwaydb/spillway/internal/catalog"
	"github.com/spillwaydb/spillway/internal/kv"
	"github.com/spillwaydb/spillway/internal/memory"
	"github.com/spillwaydb/spillway/internal/sqlerr"
)

// transaction is a session's transaction: the one that BEGIN or autocommit=0 opened, or that of a single statement.
type transaction struct {
	kv       kv.Txn // nil: none
	acct     *memory.Account
	owner    *catalog.Owner // metadata locks; as old as the session
	explicit bool           // it ends with COMMIT or ROLLBACK, not with the statement
	readOnly bool
	wrote    bool // a statement that changes data has run
	// committed: READ COMMITTED, each statement reads what is committed when it begins. So does READ UNCOMMITTED:
	// nothing that is not committed is ever read.
	committed bool
	next      string            // isolation of the next transaction: SET TRANSACTION; empty: the session's
	stmt      int               // number of the statement that runs
	view      uint64            // version of the catalog when the read view was taken; 0: there is none yet
	current   *memory.Statement // whose waits are waits for locks; nil: none runs
	saved     []savepoint       // the oldest first
}

// savepoint is a place in a transaction.
type savepoint struct {
	name string // in lower case
	stmt int    // number of the last statement that it keeps
}

// open says if a transaction is open that outlives the statement.
func (t *transaction) open() bool { return t.kv != nil && t.explicit }

// begin opens a transaction. Whoever calls has made sure that there is none.
func (t *transaction) begin(ctx context.Context, s *Session, explicit, readOnly bool) error {
	t.acct = s.acct.Child("transaction")
	txn, err := s.manager.Store.Begin(ctx, kv.TxnOptions{ReadOnly: readOnly, Account: t.acct, Wait: t.wait})
	if err != nil {
		t.acct.Close()
		t.acct = nil
		return err
	}
	t.kv, t.explicit, t.readOnly, t.stmt, t.view, t.saved = txn, explicit, readOnly, 0, 0, nil
	t.wrote = false
	isolation := t.next
	if t.next = ""; isolation == "" {
		isolation = s.vars.String("transaction_isolation")
	}
	t.committed = isolation == "READ-COMMITTED" || isolation == "READ-UNCOMMITTED"
	s.setInTxn(explicit)
	return nil
}

// waitRowLock is the process list's state of a wait for a row lock.
const waitRowLock memory.WaitReason = "Waiting for row lock"

// waitMetadataLock is the state of a wait for a metadata lock.
const waitMetadataLock = "Waiting for table metadata lock"

// wait is how waits for row locks are made: as waits of the statement, so that it can be parked.
func (t *transaction) wait(ctx context.Context, wait func(context.Context) error) error {
	if t.current == nil {
		return wait(ctx)
	}
	return t.current.Wait(ctx, waitRowLock, wait)
}

// waitMetadata is how waits for metadata locks are made: before the statement has memory.
func (s *Session) waitMetadata(ctx context.Context, wait func(context.Context) error) error {
	s.proc.setState(waitMetadataLock)
	defer s.proc.setState("executing")
	return wait(ctx)
}

// statement makes sure that there is a transaction and begins a statement in it.
func (t *transaction) statement(ctx context.Context, s *Session) error {
	if t.kv == nil {
		if err := t.begin(ctx, s, !s.vars.Bool("autocommit"), s.vars.Bool("transaction_read_only")); err != nil {
			return err
		}
	}
	if t.view == 0 || t.committed {
		t.view = s.snapshot().Version
	}
	n, err := t.kv.BeginStatement(ctx, t.committed)
	if err != nil {
		return err
	}
	t.stmt = n
	return nil
}

// notBegun ends a statement that could not begin: there is nothing of it to undo, and what the statements before it
// wrote stays.
func (t *transaction) notBegun(s *Session, err error) error {
	if t.open() {
		return err
	}
	return errFirst(err, t.rollback(s))
}

// endStatement ends the statement that began last: undone if err is not nil (S4), committed if it is its own
// transaction. A deadlock undoes the whole transaction, so that the others can go on.
func (t *transaction) endStatement(ctx context.Context, s *Session, err error) error {
	if t.kv == nil {
		t.owner.ReleaseAll()
		return err
	}
	if t.explicit && !sqlerr.Is(err, sqlerr.ErrLockDeadlock) {
		if err != nil && t.rollbackTo(s, t.stmt-1) != nil {
			return rolledBack(err)
		}
		return err
	}
	if err != nil {
		return errFirst(err, t.rollback(s))
	}
	return t.commit(ctx, s)
}

// rollbackTo undoes the statements after n. Where that is not possible, the whole transaction is undone: nobody could
// tell which of its writes a commit would keep.
func (t *transaction) rollbackTo(s *Session, n int) error {
	err := t.kv.RollbackTo(n)
	if err == nil {
		return nil
	}
	return rolledBack(errFirst(err, t.rollback(s)))
}

// rolledBack is err with what became of the transaction, which its client may take to be open.
func rolledBack(err error) error {
	e := sqlerr.From(err)
	return sqlerr.Wrapf(err, sqlerr.Code(e.Code),
		"%s; the transaction was rolled back, as the statement alone could not be", e.Message)
}

// commit ends the transaction with its changes; a failed commit undoes it.
func (t *transaction) commit(ctx context.Context, s *Session) error {
	if t.kv == nil {
		t.owner.ReleaseAll()
		return nil
	}
	if t.wrote {
		if err := s.writable(); err != nil { // the server has become read-only
			return errFirst(err, t.rollback(s))
		}
	}
	// A commit is not given up half-way: KILL may come before or after it.
	err := t.kv.Commit(context.WithoutCancel(ctx))
	return errFirst(err, t.rollback(s))
}

// rollback ends the transaction without its changes, or, after a commit, only gives its locks and pages back.
// Repeatable.
func (t *transaction) rollback(s *Session) error {
	defer t.owner.ReleaseAll()
	if t.kv == nil {
		return nil
	}
	err := t.kv.Rollback()
	t.kv, t.explicit, t.readOnly, t.saved = nil, false, false, nil
	t.acct.Close()
	t.acct = nil
	s.setInTxn(false)
	return err
}

func (s *Session) setInTxn(in bool) {
	s.proc.mu.Lock()
	defer s.proc.mu.Unlock()
	s.proc.inTxn = in
}

// releaseUnused gives metadata locks back that were taken for a statement which did not run, unless a transaction keeps
// them.
func (t *transaction) releaseUnused() {
	if t.kv == nil {
		t.owner.ReleaseAll()
	}
}

// implicitCommit is what definition statements and the like do first.
func (s *Session) implicitCommit(ctx context.Context) error { return s.txn.commit(ctx, s) }

// lockTimeout is lock_wait_timeout.
func (s *Session) lockTimeout() time.Duration {
	return time.Duration(s.vars.Int("lock_wait_timeout")) * time.Second
}
