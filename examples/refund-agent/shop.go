package refundagent

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"sync"
)

// A Shop has orders, which can be refunded once. It is safe for concurrent use.
type Shop struct {
	mu       sync.Mutex
	paid     map[string]float64 // by order, in US dollars
	refunded map[string]float64
}

// NewShop returns a shop in which that was paid for orders, in US dollars.
func NewShop(paid map[string]float64) *Shop {
	return &Shop{paid: paid, refunded: map[string]float64{}}
}

// Refunded returns what was refunded of an order, in US dollars.
func (s *Shop) Refunded(order string) float64 {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.refunded[order]
}

// Tools are what an agent may do in the shop.
func (s *Shop) Tools() []Tool {
	return []Tool{
		{
			Name: "look_up_order",
			Parameters: map[string]any{
				"type":       "object",
				"properties": map[string]any{"order": map[string]any{"type": "string"}},
				"required":   []string{"order"},
			},
			Call: s.lookUp,
		},
		{
			Name: "issue_refund",
			Parameters: map[string]any{
				"type": "object",
				"properties": map[string]any{
					"order":      map[string]any{"type": "string"},
					"amount_usd": map[string]any{"type": "number"},
				},
				"required": []string{"order", "amount_usd"},
			},
			Call: s.refund,
		},
	}
}

func (s *Shop) lookUp(_ context.Context, arguments string) (string, error) {
	var args struct{ Order string }
	if err := json.Unmarshal([]byte(arguments), &args); err != nil {
		return "", err
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	paid, ok := s.paid[args.Order]
	if !ok {
		return "", errors.New("no such order")
	}
	return fmt.Sprintf(`{"order": %q, "paid_usd": %.2f}`, args.Order, paid), nil
}

func (s *Shop) refund(_ context.Context, arguments string) (string, error) {
	var args struct {
		Order  string
		Amount float64 `json:"amount_usd"`
	}
	if err := json.Unmarshal([]byte(arguments), &args); err != nil {
		return "", err
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if args.Amount <= 0 || args.Amount > s.paid[args.Order]-s.refunded[args.Order] {
		return "", errors.New("more than what was paid and is not refunded yet")
	}
	s.refunded[args.Order] += args.Amount
	return fmt.Sprintf(`{"order": %q, "refunded_usd": %.2f}`, args.Order, args.Amount), nil
}
