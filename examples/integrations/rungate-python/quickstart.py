"""The package rungate from PyPI: its quick start, a run, and both kinds of streams.

Its README also logs steps that are not model calls, and reads the cost of a stream. Rungate does not
do so; see the table in ../README.md.
"""

import os

from rungate import Rungate

client = Rungate(
    api_key=os.environ["RUNGATE_AGENT_KEY"],  # rg_agt_…
    base_url=os.environ["RUNGATE_BASE_URL"],  # https://…, without /v1
)

response = client.chat.completions.create(
    model="gpt-4",
    messages=[{"role": "user", "content": "Hello!"}],
)
print(response.choices[0]["message"]["content"])
print(f"Cost: ${response.rungate.cost_usd}")
print(f"Budget remaining: ${response.rungate.budget_remaining_usd}")

# All calls of the block belong to one run, which is completed at its end.
with client.run(name="research-task", metadata={"customer": "abc"}) as run:
    response = run.chat.completions.create(
        model="gpt-4",
        messages=[{"role": "user", "content": "Summarize this document"}],
    )
    print(response.choices[0]["message"]["content"])
    print(f"Budget remaining: ${run.budget.remaining_usd}")
    print(f"Total cost so far: ${run.budget.total_cost}")

    response2 = run.chat.completions.create(
        model="gpt-4",
        messages=[{"role": "user", "content": "Now analyze the results"}],
    )
    print(response2.choices[0]["message"]["content"])

# Raw chunks
with client.chat.completions.create(
    model="gpt-4",
    messages=[{"role": "user", "content": "Tell me a story"}],
    stream=True,
) as stream:
    for chunk in stream:
        delta = chunk["choices"][0]["delta"]
        if "content" in delta:
            print(delta["content"], end="")
print()

# Text
with client.chat.completions.stream(
    model="gpt-4",
    messages=[{"role": "user", "content": "Tell me a story"}],
) as stream:
    for text in stream.text_stream:
        print(text, end="")
print()
