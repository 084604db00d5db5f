"""One call with the OpenAI SDK for Python, its outcome as a line of JSON.

usage: python scenarios.py text|stream|tool|streamed_tool|typed|image|body|patient [accepted|wait|error]
"""

import json
import os
import sys
import time

import openai
import pydantic

client = openai.OpenAI(
    base_url=os.environ["RUNGATE_BASE_URL"],
    api_key=os.environ["RUNGATE_AGENT_KEY"],
)
completions = client.chat.completions.with_raw_response  # the raw response has the headers
run = {"x-rungate-run-id": "run_customer_refund_2026_04_26"}
if sys.argv[2:]:
    run["x-rungate-approval"] = sys.argv[2]  # what to do while a person has yet to decide

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


def text():
    raw = completions.create(
        model="gpt-4",
        messages=[{"role": "user", "content": "Say hello."}],
        extra_headers=run,
    )
    return {
        "text": raw.parse().choices[0].message.content,
        "run_id": raw.headers.get("x-rungate-run-id"),
    }


def stream():
    raw = completions.create(
        model="gpt-4",
        messages=[{"role": "user", "content": "Say hello."}],
        stream=True,
        extra_headers=run,
    )
    pieces = [chunk.choices[0].delta.content for chunk in raw.parse()]
    pieces = [piece for piece in pieces if piece]
    return {
        "text": "".join(pieces),
        "chunks": len(pieces),
        "run_id": raw.headers.get("x-rungate-run-id"),
    }


def tool():
    raw = completions.create(
        model="gpt-4",
        messages=[{"role": "user", "content": "Where is order ord_2H4p?"}],
        tools=[{"type": "function", "function": LOOKUP_ORDER}],
        extra_headers=run,
    )
    call = raw.parse().choices[0].message.tool_calls[0].function
    return {
        "tool": {"name": call.name, "args": json.loads(call.arguments)},
        "run_id": raw.headers.get("x-rungate-run-id"),
    }


def streamed_tool():
    with client.chat.completions.stream(
        model="gpt-4",
        messages=[{"role": "user", "content": "Where is order ord_2H4p?"}],
        tools=[{"type": "function", "function": LOOKUP_ORDER}],
        extra_headers=run,
    ) as stream:
        call = stream.get_final_completion().choices[0].message.tool_calls[0].function
    return {"tool": {"name": call.name, "args": json.loads(call.arguments)}}


class LookupOrder(pydantic.BaseModel):
    """Finds an order by its id."""

    order: str


class Whereabouts(pydantic.BaseModel):
    order: str
    late: bool


def typed():
    """The call of a tool, and an answer after it, both of which the SDK parses."""
    tools = [openai.pydantic_function_tool(LookupOrder, name="lookup_order")]
    messages = [{"role": "user", "content": "Where is order ord_2H4p?"}]
    raw = completions.parse(model="gpt-4", messages=messages, tools=tools, extra_headers=run)
    message = raw.parse().choices[0].message
    call = message.tool_calls[0]
    order = call.function.parsed_arguments.order
    messages += [message, {"role": "tool", "tool_call_id": call.id, "content": f"{order} is on its way"}]
    raw = completions.parse(
        model="gpt-4", messages=messages, tools=tools, response_format=Whereabouts, extra_headers=run
    )
    return {
        "text": type(raw.parse().choices[0].message.parsed).__name__,
        "tool": {"name": call.function.name, "args": {"order": order}},
        "run_id": raw.headers.get("x-rungate-run-id"),
    }


def patient():
    """The call of a tool, by an agent that knows what a 202 is."""
    while True:
        raw = completions.create(
            model="gpt-4",
            messages=[{"role": "user", "content": "Where is order ord_2H4p?"}],
            tools=[{"type": "function", "function": LOOKUP_ORDER}],
            extra_headers=run,
        )
        if raw.status_code != 202:
            break
        time.sleep(int(raw.headers["retry-after"]))  # and send the same request again
    call = raw.parse().choices[0].message.tool_calls[0].function
    return {
        "tool": {"name": call.name, "args": json.loads(call.arguments)},
        "run_id": raw.headers.get("x-rungate-run-id"),
    }


def image():
    raw = completions.create(
        model="gpt-4",
        messages=[
            {
                "role": "user",
                "content": [
                    {"type": "text", "text": "What is in the picture?"},
                    {"type": "image_url", "image_url": {"url": f"data:image/png;base64,{PIXEL}"}},
                ],
            }
        ],
        extra_headers=run,
    )
    return {
        "text": raw.parse().choices[0].message.content,
        "run_id": raw.headers.get("x-rungate-run-id"),
    }


def body():
    """The directives as a field of the body instead of headers."""
    raw = completions.create(
        model="gpt-4",
        messages=[{"role": "user", "content": "Say hello."}],
        extra_body={"rungate": {"run_id": run["x-rungate-run-id"], "tags": ["refunds"]}},
    )
    return {
        "text": raw.parse().choices[0].message.content,
        "run_id": raw.headers.get("x-rungate-run-id"),
    }


def failure(err):
    response = getattr(err, "response", None)  # an error inside a stream has none
    return {
        "error": {
            "class": type(err).__name__,
            "status": getattr(err, "status_code", None),
            "code": getattr(err, "code", None),
            "message": str(err),
        },
        "run_id": response.headers.get("x-rungate-run-id") if response is not None else None,
    }


scenarios = {
    "text": text,
    "stream": stream,
    "tool": tool,
    "streamed_tool": streamed_tool,
    "typed": typed,
    "image": image,
    "body": body,
    "patient": patient,
}
try:
    outcome = scenarios[sys.argv[1]]()
except Exception as err:
    outcome = failure(err)
print(json.dumps(outcome))
