#!/bin/sh
# One turn of OpenClaw, its outcome in OpenClaw's own JSON.
# usage: scenarios.sh PROVIDER/MODEL text|tool
#
# OPENCLAW_CONFIG is the configuration to use instead of the one beside this program.
set -eu

case $2 in
text) prompt="Say hello." ;;
tool) prompt="Read order.txt and say where the order is." ;;
*)
  echo "usage: $0 PROVIDER/MODEL text|tool" >&2
  exit 2 ;;
esac

# It exits with 1 if the turn failed, which the JSON says too.
openclaw agent exec "$prompt" --model "$1" --json \
  --config "${OPENCLAW_CONFIG:-$(dirname "$0")/openclaw.json5}" --cwd "${OPENCLAW_CWD:-$PWD}" || [ $? -eq 1 ]
