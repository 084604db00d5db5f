package gateway_test

import (
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"

	"github.com/rungate/rungate/gateway"
	"github.com/rungate/rungate/policy"
	"github.com/rungate/rungate/run"
)

// A policy in shadow mode asks nobody.
func TestShadowAsksNobody(t *testing.T) {
	eachForm(t, func(t *testing.T, a *api, streamed bool) {
		answer := a.refunding(streamed, largeRefund)
		shadow, _ := policies(t, strings.Replace(approvingBy(`{}`), `"name":"prod/v4"`, `"mode":"shadow","name":"prod/v4"`, 1))
		gated(t, `{}`, sends(streamed, answer), func(t *testing.T, l *gateLab) {
			r := l.Post(a.path, a.asksDear(a.declares(streamed)))
			assert.Equal(t, 200, r.StatusCode)
			assert.Equal(t, answer, r.Body)
			assert.Empty(t, l.Gates())
			var rules []string
			for _, e := range l.Events.all {
				if e.Type == run.PolicyShadow {
					rules = append(rules, e.Finding.Rule)
				}
			}
			assert.Equal(t, []string{"dear-model", "refund:over-$500"}, rules)
		}, shadow)
	})
}

// What is asked about by a policy that only goes along is told, not done.
func TestGateOfACandidate(t *testing.T) {
	a := of("chat")
	gated(t, `{}`, sends(false, a.calling(largeRefund)), func(t *testing.T, l *gateLab) {
		assert.Equal(t, a.calling(largeRefund), l.Post(a.path, a.declares(false)).Body)
		assert.Empty(t, l.Gates())
		assert.Contains(t, l.Events.Types(), run.PolicyShadow)
	}, func(cfg *gateway.Config) {
		cfg.Policy = policy.Shadow{Enforced: mustSet(t, roomy), Candidate: mustSet(t, approvingBy(`{}`))}
	})
}
