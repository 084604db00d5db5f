package redisstore

import "github.com/redis/go-redis/v9"

// ledger implements budget.Ledger.
type ledger struct {
	rdb redis.UniversalClient
	o   Options
}
