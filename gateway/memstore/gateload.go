package memstore

// A gateLoad is what live gates take up: those of all, or of a team.
type gateLoad struct {
	gates int
	bytes int64
}

// plus returns l with n more gates that are like g.
func (l gateLoad) plus(g *gate, n int) gateLoad {
	return gateLoad{l.gates + n, l.bytes + int64(n)*g.bytes()}
}

// over reports whether l is more than allowed.
func (l gateLoad) over(gates int, bytes int64) bool { return l.gates > gates || l.bytes > bytes }

// full reports whether there is no room for g.
func (j *journal) full(g *gate) bool {
	return j.load.plus(g, 1).over(j.opts.Gates, j.opts.GateBytes) ||
		j.teams[g.Run.Team].plus(g, 1).over(j.opts.TeamGates, j.opts.TeamGateBytes)
}

// take notes that g takes up room, or with -1 that it does not any more.
func (j *journal) take(g *gate, n int) {
	j.load = j.load.plus(g, n)
	team := j.teams[g.Run.Team].plus(g, n)
	if team.gates == 0 {
		delete(j.teams, g.Run.Team)
		return
	}
	j.teams[g.Run.Team] = team
}
