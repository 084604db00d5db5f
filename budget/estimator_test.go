package budget_test

import (
	"fmt"
	"math"
	"sync"
	"testing"

	"github.com/stretchr/testify/assert"

	"github.com/rungate/rungate/budget"
)

func TestEstimator(t *testing.T) {
	learn := func(n int, estimate, reported int64) func(e *budget.Estimator) {
		return func(e *budget.Estimator) {
			for range n {
				e.Learn("t", "p", "m", estimate, reported)
			}
		}
	}
	tests := []struct {
		name     string
		do       func(e *budget.Estimator)
		provider string
		model    string
		estimate int64
		want     int64
	}{
		{"knows nothing at first", learn(0, 0, 0), "p", "m", 1000, 1000},
		{"but of Claude", learn(0, 0, 0), "p", "claude-sonnet-4-5", 1000, 1350},
		{"by any name of it", learn(0, 0, 0), "p", "us.anthropic.claude-opus-4-1", 1000, 1350},
		{"moves a sixteenth of the way", learn(1, 100, 180), "p", "m", 1000, 1050},
		{"and arrives", learn(1000, 100, 180), "p", "m", 1000, 1800},
		{"downwards too", learn(1000, 100, 60), "p", "m", 1000, 600},
		{"up to twice", learn(1000, 1, 100), "p", "m", 1000, 2000},
		{"and down to half", learn(1000, 100, 1), "p", "m", 1000, 500},
		{"nothing from a call without an estimate", learn(1000, 0, 100), "p", "m", 1000, 1000},
		{"nothing from a call without a report", learn(1000, 100, 0), "p", "m", 1000, 1000},
		{"of this model alone", learn(1000, 100, 180), "p", "m2", 1000, 1000},
		{"at this provider alone", learn(1000, 100, 180), "q", "m", 1000, 1000},
		{"an estimate of nothing", learn(0, 0, 0), "p", "claude", 0, 0},
		{"and of less", learn(0, 0, 0), "p", "claude", -5, 0},
		{"beyond all numbers", learn(1000, 1, 100), "p", "m", math.MaxInt64, math.MaxInt64},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			e := budget.NewEstimator()
			tt.do(e)
			assert.InDelta(t, tt.want, e.Input("t", tt.provider, tt.model, tt.estimate), 1)
		})
	}
}

func TestEstimatorManyAtOnce(t *testing.T) {
	e := budget.NewEstimator()
	var wg sync.WaitGroup
	for g := range 8 {
		wg.Go(func() {
			for i := range 2000 {
				model := fmt.Sprint("m", (g+i)%3000)
				e.Learn("t", "p", model, 100, 150)
				n := e.Input("t", "p", model, 1000)
				assert.True(t, n >= 500 && n <= 2000, "%d", n)
			}
		})
	}
	wg.Wait()
}

func BenchmarkEstimator(b *testing.B) {
	e := budget.NewEstimator()
	e.Learn("t", "anthropic", "claude-sonnet-4-5", 100, 120)
	b.Run("Input", func(b *testing.B) {
		b.ReportAllocs()
		for b.Loop() {
			e.Input("t", "anthropic", "claude-sonnet-4-5", 1000)
		}
	})
	b.Run("Learn", func(b *testing.B) {
		b.ReportAllocs()
		for b.Loop() {
			e.Learn("t", "anthropic", "claude-sonnet-4-5", 1000, 1200)
		}
	})
}
