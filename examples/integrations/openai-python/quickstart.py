"""The OpenAI SDK for Python through Rungate: two calls in one run, the second streamed."""

import os

from openai import OpenAI

client = OpenAI(
    base_url=os.environ["RUNGATE_BASE_URL"],  # https://…/v1
    api_key=os.environ["RUNGATE_AGENT_KEY"],  # rg_agt_…
)

response = client.chat.completions.create(
    model="gpt-4",
    messages=[{"role": "user", "content": "..."}],
    extra_headers={
        "x-rungate-run-id": "run_customer_refund_2026_04_26",
        "x-rungate-policy": "prod-agents/v4",
    },
)
print(response.choices[0].message.content)

# Streaming
stream = client.chat.completions.create(
    model="gpt-4",
    messages=[{"role": "user", "content": "..."}],
    stream=True,
    extra_headers={"x-rungate-run-id": "run_customer_refund_2026_04_26"},
)
for chunk in stream:
    print(chunk.choices[0].delta.content or "", end="")
print()
