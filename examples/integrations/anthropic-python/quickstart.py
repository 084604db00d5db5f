"""The Anthropic SDK for Python through Rungate."""

import os

from anthropic import Anthropic

client = Anthropic(
    base_url=os.environ["RUNGATE_BASE_URL"],  # https://… or https://…/v1, both work
    api_key=os.environ["RUNGATE_AGENT_KEY"],  # rg_agt_…
)

message = client.messages.create(
    model="claude-sonnet-4",
    max_tokens=1024,
    messages=[{"role": "user", "content": "..."}],
    extra_headers={
        "x-rungate-run-id": "run_customer_refund_2026_04_26",
    },
)
print(message.content[0].text)
