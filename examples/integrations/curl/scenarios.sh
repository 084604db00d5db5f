#!/bin/sh
# One call with curl: the body, then a line with the status and the run.
# usage: scenarios.sh text|stream|tool|image|body [accepted|wait|error]
set -eu

pixel=iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAIAAACQd1PeAAAADElEQVR42mP4z8AAAAMBAQD3A0FDAAAAAElFTkSuQmCC
run="x-rungate-run-id: run_customer_refund_2026_04_26"

case $1 in
text)
  body='{"model": "gpt-4", "messages": [{"role": "user", "content": "Say hello."}]}' ;;
stream)
  body='{"model": "gpt-4", "messages": [{"role": "user", "content": "Say hello."}], "stream": true}' ;;
tool)
  body='{
    "model": "gpt-4",
    "messages": [{"role": "user", "content": "Where is order ord_2H4p?"}],
    "tools": [{"type": "function", "function": {
      "name": "lookup_order",
      "description": "Finds an order by its id.",
      "parameters": {"type": "object", "properties": {"order": {"type": "string"}}, "required": ["order"]}
    }}]
  }' ;;
image)
  body='{
    "model": "gpt-4",
    "messages": [{"role": "user", "content": [
      {"type": "text", "text": "What is in the picture?"},
      {"type": "image_url", "image_url": {"url": "data:image/png;base64,'$pixel'"}}
    ]}]
  }' ;;
body) # the directives as a field of the body instead of headers
  run="x-rungate-run-id:"
  body='{
    "model": "gpt-4",
    "messages": [{"role": "user", "content": "Say hello."}],
    "rungate": {"run_id": "run_customer_refund_2026_04_26", "tags": ["refunds"]}
  }' ;;
*)
  echo "usage: $0 text|stream|tool|image|body [accepted|wait|error]" >&2
  exit 2 ;;
esac

curl --silent --show-error --no-buffer -X POST "$RUNGATE_BASE_URL/chat/completions" \
  -H "Authorization: Bearer $RUNGATE_AGENT_KEY" \
  -H "$run" ${2:+-H "x-rungate-approval: $2"} \
  -H "Content-Type: application/json" \
  -d "$body" \
  -w '\n%{http_code} %header{x-rungate-run-id}\n'
