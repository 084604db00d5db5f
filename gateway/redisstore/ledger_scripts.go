package redisstore

import (
	_ "embed"

	"github.com/redis/go-redis/v9"
)

// What the scripts of the ledger share, and each of them. Those that every call runs
// have no more with them than they need.
var (
	//go:embed lua/common.lua
	luaCommon string
	//go:embed lua/outbox.lua
	luaOutbox string
	//go:embed lua/ledger_numbers.lua
	luaNumbers string
	//go:embed lua/ledger_accounts.lua
	luaAccounts string
	//go:embed lua/ledger_keep.lua
	luaKeep string
	//go:embed lua/ledger_buckets.lua
	luaBuckets string
	//go:embed lua/ledger_spend.lua
	luaSpend string
	//go:embed lua/ledger_records.lua
	luaRecords string

	//go:embed lua/ledger_reserve.lua
	luaReserve string
	//go:embed lua/ledger_settle.lua
	luaSettle string
	//go:embed lua/ledger_first.lua
	luaFirst string
	//go:embed lua/ledger_renew.lua
	luaRenew string
	//go:embed lua/ledger_balances.lua
	luaBalances string
	//go:embed lua/ledger_forget.lua
	luaForget string
	//go:embed lua/ledger_decide.lua
	luaDecide string
	//go:embed lua/ledger_resolve.lua
	luaResolve string
	//go:embed lua/ledger_undo.lua
	luaUndo string
	//go:embed lua/ledger_tell.lua
	tellLua string
)

var (
	luaBase = luaNumbers + luaAccounts
	luaAll  = luaBase + luaKeep + luaBuckets + luaSpend + luaRecords

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
