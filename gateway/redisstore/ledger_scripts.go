package redisstore

import (
	_ "embed"

	"github.com/redis/go-redis/v9"
)

// The scripts of the ledger. Each begins with what they share.
var (
	//go:embed lua/common.lua
	luaCommon string
	//go:embed lua/outbox.lua
	luaOutbox string
	//go:embed lua/ledger_numbers.lua
	luaNumbers string
	//go:embed lua/ledger.lua
	luaLedger string

	//go:embed lua/ledger_reserve.lua
	luaReserve string
	//go:embed lua/ledger_renew.lua
	luaRenew string
	//go:embed lua/ledger_settle.lua
	luaSettle string
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
	luaTell string
	//go:embed lua/ledger_told.lua
	luaTold string
)

var (
	reserveScript  = redis.NewScript(luaNumbers + luaLedger + luaReserve)
	renewScript    = redis.NewScript(luaNumbers + luaLedger + luaRenew)
	settleScript   = redis.NewScript(luaCommon + luaOutbox + luaNumbers + luaLedger + luaSettle)
	balancesScript = redis.NewScript(luaNumbers + luaLedger + luaBalances)
	forgetScript   = redis.NewScript(luaForget)
	decideScript   = redis.NewScript(luaNumbers + luaLedger + luaDecide)
	resolveScript  = redis.NewScript(luaNumbers + luaLedger + luaResolve)
	undoScript     = redis.NewScript(luaNumbers + luaLedger + luaUndo)
	tellScript     = redis.NewScript(luaCommon + luaOutbox + luaNumbers + luaLedger + luaTell)
	toldScript     = redis.NewScript(luaTold)
)
