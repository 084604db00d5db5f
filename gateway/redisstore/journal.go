package redisstore

import "github.com/redis/go-redis/v9"

// journal implements run.Journal, run.GateJournal and run.Outbox.
type journal struct {
	rdb redis.UniversalClient
	o   Options
}
