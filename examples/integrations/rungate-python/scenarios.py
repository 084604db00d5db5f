"""One call with the package rungate from PyPI, its outcome as a line of JSON.

usage: python scenarios.py text|stream|tool|image|differences
"""

import json
import os
import sys

import rungate

client = rungate.Rungate(
    api_key=os.environ["RUNGATE_AGENT_KEY"],
    base_url=os.environ["RUNGATE_BASE_URL"],
)
RUN = "run_customer_refund_2026_04_26"

PIXEL = "iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAIAAACQd1PeAAAADElEQVR42mP4z8AAAAMBAQD3A0FDAAAAAElFTkSuQmCC"
LOOKUP_ORDER = {
    "name": "lookup_order",
    "description": "Finds an order by its id.",
    "parameters": {
        "type": "object",
        "properties": {"order": {"type": "string"}},
        "required": ["order"],
    },
}


def ask(content, **more):
    return client.chat.completions.create(
        model="gpt-4", messages=[{"role": "user", "content": content}], run_id=RUN, **more
    )


def text():
    response = ask("Say hello.")
    return {
        "text": response.choices[0]["message"]["content"],
        "run_id": response.rungate.run_id,
    }


def stream():
    with client.chat.completions.stream(
        model="gpt-4", messages=[{"role": "user", "content": "Say hello."}], run_id=RUN
    ) as answer:
        pieces = list(answer.text_stream)
    return {"text": "".join(pieces), "chunks": len(pieces)}


def tool():
    response = ask("Where is order ord_2H4p?", tools=[{"type": "function", "function": LOOKUP_ORDER}])
    call = response.choices[0]["message"]["tool_calls"][0]["function"]
    return {
        "tool": {"name": call["name"], "args": json.loads(call["arguments"])},
        "run_id": response.rungate.run_id,
    }


def image():
    response = ask(
        [
            {"type": "text", "text": "What is in the picture?"},
            {"type": "image_url", "image_url": {"url": f"data:image/png;base64,{PIXEL}"}},
        ]
    )
    return {
        "text": response.choices[0]["message"]["content"],
        "run_id": response.rungate.run_id,
    }


def differences():
    """What the README of the package promises, and what comes instead."""
    run = client.run(name="research-task")
    run.chat.completions.create(model="gpt-4", messages=[{"role": "user", "content": "Hello!"}])
    found = {}
    try:
        found["run.log_tool_call()"] = run.log_tool_call(name="web_search")
    except rungate.APIError as err:
        found["run.log_tool_call()"] = f"{type(err).__name__} {err.status_code}"
    with run.chat.completions.stream(model="gpt-4", messages=[{"role": "user", "content": "Hello!"}]) as answer:
        for _ in answer.text_stream:
            pass
        found["stream.rungate.run_id"] = answer.rungate.run_id
        found["stream.rungate.cost_usd"] = answer.rungate.cost_usd
    found["run.complete()"] = run.complete()
    return found


def failure(err):
    body = getattr(err, "body", None) or {}
    said = body.get("error", body)  # a 202 is an exception, too
    return {
        "error": {
            "class": type(err).__name__,
            "status": getattr(err, "status_code", None),
            "code": said.get("code"),
            "message": str(err),
        },
        "run_id": said.get("context", {}).get("run_id"),
    }


scenarios = {"text": text, "stream": stream, "tool": tool, "image": image, "differences": differences}
try:
    outcome = scenarios[sys.argv[1]]()
except Exception as err:
    outcome = failure(err)
print(json.dumps(outcome))
