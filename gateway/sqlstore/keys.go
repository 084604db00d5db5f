package sqlstore

import (
	"cmp"
	"crypto/sha256"
	"encoding/binary"
	"encoding/json"
	"slices"

	"github.com/rungate/rungate/budget"
)

// A rowKey stands for an account, an owner or a bucket in the tables: it is a digest of
// all that tells one from another, of a length that does not depend on it.
type rowKey [16]byte

// lock is the number that a key is locked by in PostgreSQL.
func (k rowKey) lock() int32 { return int32(binary.BigEndian.Uint32(k[:])) }

// The kinds of keys.
const (
	keyOwner byte = iota + 1
	keyAccount
	keyBucket
	keyTeam
)

// digest is what a key is made of: texts with their lengths, and numbers.
type digest []byte

func (d digest) text(s string) digest {
	return append(binary.AppendUvarint(d, uint64(len(s))), s...)
}

func (d digest) number(n int64) digest { return binary.AppendVarint(d, n) }

func (d digest) owner(o *budget.Owner) digest {
	return d.text(string(o.Scope)).text(o.Team).text(o.ID).number(o.Since)
}

func (d digest) key() rowKey {
	sum := sha256.Sum256(d)
	return rowKey(sum[:16])
}

func newDigest(kind byte) digest { return append(make(digest, 0, 256), kind) }

func ownerKey(o *budget.Owner) rowKey { return newDigest(keyOwner).owner(o).key() }

// accountKey is the same for all slots of an account.
func accountKey(a *budget.Account) rowKey {
	return newDigest(keyAccount).owner(&a.Owner).text(a.Budget).number(int64(a.Unit)).number(int64(a.Window)).key()
}

func bucketKey(t *budget.Take) rowKey {
	return newDigest(keyBucket).owner(&t.Owner).text(t.Rate).text(string(t.Of)).key()
}

func teamKey(team string) rowKey { return newDigest(keyTeam).text(team).key() }

// accountName tells people what an account is.
func accountName(a *budget.Account) string {
	text, err := json.Marshal(struct {
		Scope  budget.Scope  `json:"scope"`
		Team   string        `json:"team,omitempty"`
		ID     string        `json:"id,omitempty"`
		Since  int64         `json:"since,omitempty"`
		Budget string        `json:"budget"`
		Unit   string        `json:"unit"`
		Window budget.Window `json:"window,omitempty"`
	}{a.Scope, a.Team, a.ID, a.Since, a.Budget, unitName(a.Unit), a.Window})
	if err != nil { // of a window that is none
		return err.Error()
	}
	return string(text)
}

func unitName(u budget.Unit) string {
	if u == budget.USD {
		return "picodollars"
	}
	return "tokens"
}

// locks are the numbers that keys are locked by, in the order in which that is done.
func locks(all ...[]rowKey) []int32 {
	l := []int32{} // not null in the database
	for _, keys := range all {
		for _, k := range keys {
			l = append(l, k.lock())
		}
	}
	slices.SortFunc(l, cmp.Compare[int32])
	return slices.Compact(l)
}
