#!/usr/bin/env bash
# Makes the schemas again: make.sh <OpenAI's openapi.json>
# It needs Go, npm, and the document of the commit that the README names.
set -euo pipefail
openapi=$(realpath "$1")
cd "$(dirname "$0")"
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT

go run ./cut openai "$openapi" schemas/openai.json.gz

# generate <version of the SDK> <part> <schema>
generate() {
  local at=$work/$1
  [ -d "$at" ] || {
    mkdir "$at"
    cp sdk/* "$at"
    (cd "$at" && npm init -y && npm install --ignore-scripts --no-audit --no-fund \
      "@anthropic-ai/sdk@$1" ts-json-schema-generator@2.4.0) >/dev/null
  }
  (cd "$at" && npx ts-json-schema-generator --path "$2.ts" --type '*' --tsconfig tsconfig.json \
    --no-type-check -j none --minify -o generated.json)
  go run ./cut anthropic "$at/generated.json" "schemas/$3.json.gz"
}
generate 0.137.0 stable anthropic-2023-06-01
generate 0.137.0 beta anthropic-2023-06-01-beta
generate 1.14.0 stable anthropic-2026-10-21
