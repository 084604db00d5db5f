#!/bin/sh
# One turn of OpenClaw through Rungate.
set -eu

openclaw agent exec "Say hello." --config "$(dirname "$0")/openclaw.json5"
