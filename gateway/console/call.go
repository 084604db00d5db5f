package console

import (
	"fmt"
	"strconv"
	"strings"

	"github.com/rungate/rungate/run"
)

// What the page of a gate shows at most: so many calls of tools, and so many bytes
// of their arguments.
const (
	mostCalls = 200
	mostShown = 256 << 10
)

// A call is one of a tool as the page of its gate shows it.
type call struct {
	run.Proposal
	N         int // which of the gate's it is, from 1
	Arguments args
}

// calls are those that the page of a gate shows.
func calls(g *run.Gate) []call {
	all := make([]call, min(len(g.Proposed), mostCalls))
	for i, n := range shares(g) {
		all[i] = call{g.Proposed[i], i + 1, layOut(g.Proposed[i].Args, n)}
	}
	return all
}

// shares are how many bytes of the arguments of each call are shown: as many of
// the one as of the other, and what one does not need is for those after it.
func shares(g *run.Gate) []int {
	n := make([]int, min(len(g.Proposed), mostCalls))
	left := mostShown
	for i := range n {
		n[i] = min(len(g.Proposed[i].Args), left/(len(n)-i))
		left -= n[i]
	}
	return n
}

// unseen tells what the page of a gate does not show, empty if that is nothing.
func unseen(g *run.Gate) string {
	var what []string
	bytes, shown := 0, shares(g)
	for i, n := range shown {
		bytes += len(g.Proposed[i].Args) - n
	}
	if bytes > 0 {
		what = append(what, fmt.Sprintf("%d bytes of arguments", bytes))
	}
	if n := len(g.Proposed) - len(shown); n > 0 {
		what = append(what, fmt.Sprintf("%d calls", n))
	}
	return strings.Join(what, " and ")
}

// showArguments answers with the arguments of one call, all of them and as they
// were written.
func (c *Console) showArguments(q *request) error {
	g, err := c.gw.Gates().Find(q.r.Context(), q.r.PathValue("id"))
	if err != nil {
		return err
	}
	n, err := strconv.Atoi(q.r.PathValue("n"))
	if err != nil || n < 1 || n > len(g.Proposed) {
		return errNoPage
	}
	args := g.Proposed[n-1].Args
	h := q.w.Header()
	h.Set("Content-Security-Policy", contentPolicy+"; sandbox")
	h.Set("Content-Type", "text/plain; charset=utf-8")
	h.Set("Content-Disposition", fmt.Sprintf(`attachment; filename="%s-%d.txt"`, g.ID, n))
	h.Set("Content-Length", strconv.Itoa(len(args)))
	_, _ = q.w.Write(args)
	return nil
}
