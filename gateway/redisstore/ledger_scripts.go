package redisstore

import (
	_ "embed"

	"github.com/redis/go-redis/v9"
)

// What the scripts of the ledger share, and each of them. Those that every call runs
// have no more with them than they need.
var (
	//go:embed lua/ledger_numbers.lua
	numbersLua string
	//go:embed lua/ledger_accounts.lua
	accountsLua string
	//go:embed lua/ledger_keep.lua
	keepLua string
	//go:embed lua/ledger_buckets.lua
	bucketsLua string
	//go:embed lua/ledger_spend.lua
	spendLua string
	//go:embed lua/ledger_records.lua
	recordsLua string

	//go:embed lua/ledger_reserve.lua
	reserveLua string
	//go:embed lua/ledger_settle.lua
	settleLua string
	//go:embed lua/ledger_first.lua
	firstLua string
	//go:embed lua/ledger_renew.lua
	renewHoldsLua string
	//go:embed lua/ledger_balances.lua
	balancesLua string
	//go:embed lua/ledger_forget.lua
	forgetLua string
	//go:embed lua/ledger_decide.lua
	decideLua string
	//go:embed lua/ledger_resolve.lua
	resolveLua string
	//go:embed lua/ledger_undo.lua
	undoLua string
	//go:embed lua/ledger_tell.lua
	tellLua string
)

var (
	baseLua = numbersLua + accountsLua
	allLua  = baseLua + keepLua + bucketsLua + spendLua + recordsLua

	// noteLua makes what the outbox needs when a line is passed, which is seldom.
	noteLua = "local function outbox_note(T, note, spent)\n" + commonLua + outboxLua + "outbox_note(T, note, spent)\nend\n"

	reserveScript    = redis.NewScript(baseLua + keepLua + bucketsLua + reserveLua)
	settleScript     = redis.NewScript(noteLua + baseLua + bucketsLua + spendLua + settleLua)
	balancesScript   = redis.NewScript(baseLua + balancesLua)
	firstScript      = redis.NewScript(allLua + firstLua)
	renewHoldsScript = redis.NewScript(allLua + renewHoldsLua)
	resolveScript    = redis.NewScript(allLua + resolveLua)
	undoScript       = redis.NewScript(allLua + undoLua)
	decideScript     = redis.NewScript(baseLua + decideLua)
	forgetScript     = redis.NewScript(forgetLua)
	tellScript       = redis.NewScript(noteLua + tellLua)
)
