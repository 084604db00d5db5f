package health_test

import (
	"testing"
	"time"

	"github.com/rungate/rungate/gateway/internal/health"
)

func BenchmarkServed(b *testing.B) {
	var m health.Monitor
	t := health.Target{Provider: "anthropic", Model: "claude-sonnet-4-5-20250929"}
	b.ReportAllocs()
	for b.Loop() {
		a := m.Begin(t)
		a.Served(300 * time.Millisecond)
	}
}

// Of a target that has never failed, nobody waits for another.
func BenchmarkServedByMany(b *testing.B) {
	var m health.Monitor
	t := health.Target{Provider: "anthropic", Model: "claude-sonnet-4-5-20250929"}
	b.ReportAllocs()
	b.RunParallel(func(pb *testing.PB) {
		for pb.Next() {
			a := m.Begin(t)
			a.Served(300 * time.Millisecond)
		}
	})
}

func BenchmarkOpen(b *testing.B) {
	var m health.Monitor
	t := health.Target{Provider: "anthropic", Model: "claude-sonnet-4-5-20250929"}
	m.Begin(t)
	b.ReportAllocs()
	for b.Loop() {
		if m.Open(t) {
			b.Fatal("a target that has not failed is open")
		}
	}
}
