package redisstore

import (
	"context"
	_ "embed"
	"errors"
	"fmt"
	"time"

	"github.com/redis/go-redis/v9"
)

// What scripts have in common, in this order. Each is made of functions that the
// next ones call.
var (
	//go:embed lua/common.lua
	commonLua string
	//go:embed lua/outbox.lua
	outboxLua string
	//go:embed lua/head.lua
	headLua string
	//go:embed lua/run.lua
	runLua string
	//go:embed lua/gate.lua
	gateLua string
)

// The scripts of the verbs.
var (
	//go:embed lua/attach.lua
	attachLua string
	//go:embed lua/renew.lua
	renewLua string
	//go:embed lua/detach.lua
	detachLua string
	//go:embed lua/complete.lua
	completeLua string
	//go:embed lua/block.lua
	blockLua string
	//go:embed lua/lift.lua
	liftLua string
	//go:embed lua/raise.lua
	raiseLua string
	//go:embed lua/repeat.lua
	repeatLua string
	//go:embed lua/find.lua
	findLua string
	//go:embed lua/steps.lua
	stepsLua string
	//go:embed lua/refusals.lua
	refusalsLua string
	//go:embed lua/sweep.lua
	sweepLua string
	//go:embed lua/opengate.lua
	opengateLua string
	//go:embed lua/meetgate.lua
	meetgateLua string
	//go:embed lua/decidegate.lua
	decidegateLua string
	//go:embed lua/gateanswer.lua
	gateanswerLua string
	//go:embed lua/claimgate.lua
	claimgateLua string
	//go:embed lua/renewclaim.lua
	renewclaimLua string
	//go:embed lua/endclaim.lua
	endclaimLua string
	//go:embed lua/findgates.lua
	findgatesLua string
	//go:embed lua/listgates.lua
	listgatesLua string
	//go:embed lua/pointed.lua
	pointedLua string
	//go:embed lua/wants.lua
	wantsLua string
	//go:embed lua/takemessages.lua
	takemessagesLua string
	//go:embed lua/endmessage.lua
	endmessageLua string
	//go:embed lua/revive.lua
	reviveLua string
	//go:embed lua/dead.lua
	deadLua string
	//go:embed lua/register.lua
	registerLua string
	//go:embed lua/unregister.lua
	unregisterLua string
	//go:embed lua/subscribe.lua
	subscribeLua string
)

var (
	attachScript     = runScript(attachLua)
	renewScript      = runScript(renewLua)
	detachScript     = runScript(detachLua)
	completeScript   = runScript(completeLua)
	blockScript      = runScript(blockLua)
	liftScript       = runScript(liftLua)
	raiseScript      = runScript(raiseLua)
	repeatScript     = runScript(repeatLua)
	findScript       = runScript(findLua)
	stepsScript      = runScript(stepsLua)
	refusalsScript   = runScript(refusalsLua)
	sweepScript      = runScript(sweepLua)
	opengateScript   = runScript(opengateLua)
	meetgateScript   = runScript(meetgateLua)
	decidegateScript = runScript(decidegateLua)
	gateanswerScript = runScript(gateanswerLua)
	claimgateScript  = runScript(claimgateLua)
	renewclaimScript = runScript(renewclaimLua)
	endclaimScript   = runScript(endclaimLua)
	findgatesScript  = runScript(findgatesLua)
	listgatesScript  = runScript(listgatesLua)

	pointedScript      = redis.NewScript(commonLua + outboxLua + headLua + pointedLua)
	wantsScript        = redis.NewScript(commonLua + outboxLua + headLua + wantsLua)
	takemessagesScript = redis.NewScript(commonLua + outboxLua + headLua + takemessagesLua)
	endmessageScript   = redis.NewScript(commonLua + outboxLua + headLua + endmessageLua)
	reviveScript       = redis.NewScript(commonLua + outboxLua + headLua + reviveLua)
	deadScript         = redis.NewScript(commonLua + outboxLua + headLua + deadLua)

	registerScript   = redis.NewScript(registerLua)
	unregisterScript = redis.NewScript(unregisterLua)
	subscribeScript  = redis.NewScript(subscribeLua)
)

func runScript(verb string) *redis.Script {
	return redis.NewScript(commonLua + outboxLua + headLua + runLua + gateLua + verb)
}

// verb runs a script in the slot of a team.
func (j *journal) verb(ctx context.Context, s *redis.Script, team string, at time.Time, args ...any) (any, error) {
	all := append([]any{stamp(at), j.keep()}, args...)
	got, err := s.Run(ctx, j.rdb, []string{j.o.slot(team)}, all...).Result()
	if errors.Is(err, redis.Nil) {
		return nil, nil
	}
	if err != nil {
		return nil, fmt.Errorf("redisstore: %w", err)
	}
	return got, nil
}

// keep is for how many milliseconds Redis keeps what a sweep should have dropped.
func (j *journal) keep() int64 { return (2*j.o.ClosedRuns + time.Hour).Milliseconds() }
