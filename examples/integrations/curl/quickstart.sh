#!/bin/sh
# Plain HTTP through Rungate. RUNGATE_BASE_URL is https://…/v1, RUNGATE_AGENT_KEY is rg_agt_….
set -eu

curl -X POST "$RUNGATE_BASE_URL/chat/completions" \
  -H "Authorization: Bearer $RUNGATE_AGENT_KEY" \
  -H "x-rungate-run-id: run_customer_refund_2026_04_26" \
  -H "Content-Type: application/json" \
  -d '{
    "model": "gpt-4",
    "messages": [{"role": "user", "content": "Hello, Rungate."}]
  }'
