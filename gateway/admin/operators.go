package admin

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"strings"
	"sync/atomic"
	"time"

	"github.com/rungate/rungate/provider"
	"github.com/rungate/rungate/run"
)

// An Operator is who decides gates: a person, or a program that a person has
// charged with it.
type Operator struct {
	Name    string    // by which decisions are recorded; without parentheses
	Expires time.Time // the token is not valid from then on; zero is never
}

// Valid reports whether the operator's tokens are valid at that time.
func (o *Operator) Valid(at time.Time) bool { return o.Expires.IsZero() || at.Before(o.Expires) }

// ErrUnknownOperator says that no operator has that token.
var ErrUnknownOperator = errors.New("unknown operator")

// Operators looks up operators. Implementations are safe for concurrent use. An
// error other than ErrUnknownOperator means that it could not be found out. The
// operators returned are shared and not changed.
type Operators interface {
	// ByToken returns the operator whose token has the digest, or
	// ErrUnknownOperator.
	ByToken(ctx context.Context, d run.Digest) (*Operator, error)
}

// TokenPrefix begins every operator's token.
const TokenPrefix = "rg_adm_"

// NewToken returns a new token, TokenPrefix and 190 random bits in base32
// letters. Show it once and keep its digest, see [run.DigestOf].
func NewToken() provider.Secret {
	return provider.Secret(TokenPrefix + strings.ToLower(rand.Text()) + strings.ToLower(rand.Text())[:12])
}

// Lookup returns the operator whose token it is. The error is ErrUnknownOperator
// for whatever is no valid token, after the same look-up in each case.
func Lookup(ctx context.Context, operators Operators, token provider.Secret) (*Operator, error) {
	o, err := operators.ByToken(ctx, run.DigestOf(token))
	switch {
	case !strings.HasPrefix(token.Reveal(), TokenPrefix):
		return nil, ErrUnknownOperator
	case err != nil:
		return nil, err
	case !o.Valid(time.Now()):
		return nil, ErrUnknownOperator
	}
	return o, nil
}

// An OperatorTable is Operators in memory. The zero table is empty and ready for
// use. Changes hold for every look-up that begins after them.
type OperatorTable struct {
	byToken atomic.Pointer[map[run.Digest]*Operator]
}

// An Enrolment is an operator with their tokens. More than one token is for the
// time of a rotation.
type Enrolment struct {
	Operator
	Tokens []run.Digest
}

// Replace makes the table hold these operators and no others. It fails, and
// changes nothing, if a name is not as [run.ValidID] wants it or has a
// parenthesis, a token is empty, or two have the same name or token.
func (t *OperatorTable) Replace(operators ...Enrolment) error {
	byToken, names := map[run.Digest]*Operator{}, map[string]bool{}
	for i, e := range operators {
		o := e.Operator
		switch {
		case !run.ValidID(o.Name) || strings.ContainsAny(o.Name, "()"):
			return fmt.Errorf("operators[%d]: the name %q: want printable characters without parentheses", i, o.Name)
		case names[o.Name]:
			return fmt.Errorf("operators[%d]: the name %q is used twice", i, o.Name)
		}
		names[o.Name] = true
		for _, d := range e.Tokens {
			if d == run.DigestOf("") {
				return fmt.Errorf("operators[%d]: the token is empty", i)
			}
			if other := byToken[d]; other != nil {
				return fmt.Errorf("operators[%d]: %q and %q have the same token", i, other.Name, o.Name)
			}
			byToken[d] = &o
		}
	}
	t.byToken.Store(&byToken)
	return nil
}

// ByToken implements Operators.
func (t *OperatorTable) ByToken(_ context.Context, d run.Digest) (*Operator, error) {
	if m := t.byToken.Load(); m != nil && (*m)[d] != nil {
		return (*m)[d], nil
	}
	return nil, ErrUnknownOperator
}
