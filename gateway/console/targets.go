package console

import (
	"net/http"

	"github.com/rungate/rungate/gateway"
)

// targetsBody is what the page of targets shows.
type targetsBody struct{ Targets []gateway.TargetState }

// live implements part.
func (b *targetsBody) live() any { return b.Targets }

func (c *Console) showTargets(q *request) error {
	return q.show(http.StatusOK, "targets", "Targets", &targetsBody{c.gw.Targets()})
}
