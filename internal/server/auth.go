package server

import (
	"context"
	"crypto/rand"
	"crypto/rsa"
	"crypto/sha1"
	"crypto/sha256"
	"crypto/subtle"
	"crypto/x509"
	"encoding/pem"
	"sync"

	"github.com/pingcap/tidb/pkg/parser/auth"

	"github.com/spillwaydb/spillway/internal/privilege"
)

// exchange is what an authentication plugin may do with the client.
type exchange interface {
	more(data []byte) error       // send
	answer() ([]byte, error)      // receive; lives until the next
	secure() bool                 // the line cannot be listened to
	context() context.Context     // ends with the client's time
	scrambleBytes() (salt []byte) // 20 bytes
}

// authenticator checks passwords. Safe for concurrent use.
type authenticator struct {
	cache digestCache
	key   func() (*rsa.PrivateKey, error)
	slow  chan struct{} // tokens: checking a caching_sha2_password hash takes milliseconds
}

// slowChecks bounds the checks of whole hashes at once: clients that have not authenticated must not take all cores.
const slowChecks = 2

// rsaBits is the size of the key for passwords over plain connections, as in MySQL.
const rsaBits = 2048

func newAuthenticator() *authenticator {
	return &authenticator{
		slow: make(chan struct{}, slowChecks),
		// Made when the first client asks for it: most never do.
		key: sync.OnceValues(func() (*rsa.PrivateKey, error) { return rsa.GenerateKey(rand.Reader, rsaBits) }),
	}
}

// newScramble makes the 20 random bytes, none of them zero or '$' as some clients take them for text.
func newScramble() ([]byte, error) {
	b := make([]byte, 20)
	if _, err := rand.Read(b); err != nil {
		return nil, err
	}
	for i := range b {
		if b[i] &= 0x7f; b[i] == 0 || b[i] == '$' {
			b[i]++
		}
	}
	return b, nil
}

// check says if the client knows the account's password; data is its first answer for the account's plugin. An error
// is that of the connection.
func (a *authenticator) check(x exchange, u *privilege.User, data []byte) (bool, error) {
	switch u.Plugin {
	case privilege.NativePassword:
		return checkNative(x.scrambleBytes(), u.AuthString, data), nil
	case privilege.CachingSHA2:
		return a.checkSHA2(x, u, data)
	}
	return false, nil
}

func checkNative(salt []byte, hash string, data []byte) bool {
	if hash == "" || len(data) == 0 {
		return hash == "" && len(data) == 0
	}
	stage2, err := auth.DecodePassword(hash)
	return err == nil && auth.CheckScrambledPassword(salt, stage2, data)
}

// The bytes of caching_sha2_password.
const (
	sha2FastOK    = 3
	sha2Full      = 4
	sha2PublicKey = 2
)

func (a *authenticator) checkSHA2(x exchange, u *privilege.User, data []byte) (bool, error) {
	if len(data) == 0 || len(data) == 1 && data[0] == 0 {
		return u.AuthString == "", nil
	}
	if u.AuthString == "" {
		return false, nil
	}
	if digest, ok := a.cache.get(u); ok && fastMatch(digest, x.scrambleBytes(), data) {
		return true, x.more([]byte{sha2FastOK})
	}
	if err := x.more([]byte{sha2Full}); err != nil {
		return false, err
	}
	password, err := a.receivePassword(x)
	if err != nil || password == nil {
		return false, err
	}
	select {
	case a.slow <- struct{}{}:
		defer func() { <-a.slow }()
	case <-x.context().Done():
		return false, x.context().Err()
	}
	ok, err := auth.CheckHashingPassword([]byte(u.AuthString), string(password), u.Plugin)
	if err != nil || !ok {
		return false, nil // a stored string that cannot be read fits no password
	}
	once := sha256.Sum256(password)
	a.cache.put(u, sha256.Sum256(once[:]))
	return true, nil
}

// fastMatch checks XOR(SHA256(password), SHA256(digest, salt)) against digest = SHA256(SHA256(password)).
func fastMatch(digest [sha256.Size]byte, salt, data []byte) bool {
	if len(data) != sha256.Size {
		return false
	}
	candidate := sha256.Sum256(append(digest[:len(digest):len(digest)], salt...))
	for i := range candidate {
		candidate[i] ^= data[i]
	}
	again := sha256.Sum256(candidate[:])
	return subtle.ConstantTimeCompare(again[:], digest[:]) == 1
}

// receivePassword gets the password itself: as it is where nobody can listen, else under our public key. nil: the
// client sent something else.
func (a *authenticator) receivePassword(x exchange) ([]byte, error) {
	data, err := x.answer()
	if err != nil {
		return nil, err
	}
	if x.secure() {
		return cutZero(data), nil
	}
	key, err := a.key()
	if err != nil {
		return nil, err
	}
	if len(data) == 1 && data[0] == sha2PublicKey {
		der, err := x509.MarshalPKIXPublicKey(&key.PublicKey)
		if err != nil {
			return nil, err
		}
		if err := x.more(pem.EncodeToMemory(&pem.Block{Type: "PUBLIC KEY", Bytes: der})); err != nil {
			return nil, err
		}
		if data, err = x.answer(); err != nil {
			return nil, err
		}
	}
	password, err := rsa.DecryptOAEP(sha1.New(), nil, key, data, nil)
	if err != nil {
		return nil, nil
	}
	for i, salt := 0, x.scrambleBytes(); i < len(password); i++ {
		password[i] ^= salt[i%len(salt)]
	}
	return cutZero(password), nil
}

// cutZero takes the zero byte behind a password away. Never nil.
func cutZero(b []byte) []byte {
	if n := len(b); n > 0 && b[n-1] == 0 {
		b = b[:n-1]
	}
	return append([]byte{}, b...)
}

// digestCache remembers SHA256(SHA256(password)) of accounts whose password was checked whole. An entry counts only for
// the authentication string it was made for, so a new password needs no message to the cache.
type digestCache struct {
	mu sync.RWMutex // protects following
	m  map[privilege.Account]cachedDigest
}

type cachedDigest struct {
	authString string
	digest     [sha256.Size]byte
}

// digestCacheMax bounds the cache; beyond it, it begins anew.
const digestCacheMax = 4096

func (d *digestCache) get(u *privilege.User) ([sha256.Size]byte, bool) {
	d.mu.RLock()
	defer d.mu.RUnlock()
	c, ok := d.m[u.Account]
	return c.digest, ok && c.authString == u.AuthString
}

func (d *digestCache) put(u *privilege.User, digest [sha256.Size]byte) {
	d.mu.Lock()
	defer d.mu.Unlock()
	if d.m == nil || len(d.m) >= digestCacheMax {
		d.m = map[privilege.Account]cachedDigest{}
	}
	d.m[u.Account] = cachedDigest{u.AuthString, digest}
}
