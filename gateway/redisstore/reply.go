package redisstore

import "github.com/rungate/rungate/run"

// A reply reads what a script has returned, one after the other. Where that is
// another than is asked for, err is set.
type reply struct {
	list any
	next int
	err  error
}

// take returns the next value, nil if there is none.
func (r *reply) take() any {
	list, _ := r.list.([]any)
	if r.next >= len(list) {
		r.err = errGarbled
		return nil
	}
	r.next++
	return list[r.next-1]
}

func (r *reply) text() string {
	s, ok := r.take().(string)
	if !ok {
		r.err = errGarbled
	}
	return s
}

func (r *reply) yes() bool {
	n, ok := r.take().(int64)
	if !ok {
		r.err = errGarbled
	}
	return n == 1
}

func (r *reply) texts() []string { return texts(r.take()) }

// run reads a run of a team.
func (r *reply) run(team, text string, x *run.Run) {
	if err := decodeRun(team, text, x); err != nil {
		r.err = err
	}
}

// texts are those of a list that a script has returned; nil if it is none.
func texts(list any) []string {
	values, ok := list.([]any)
	if !ok {
		return nil
	}
	got := make([]string, 0, len(values))
	for _, v := range values {
		s, _ := v.(string)
		got = append(got, s)
	}
	return got
}
