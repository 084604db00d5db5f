"""One call with the Anthropic SDK for Python, its outcome as a line of JSON.

usage: python scenarios.py text|stream|tool|streamed_tool|typed|image|body|patient [accepted|wait|error]
"""

import json
import os
import sys
import time

import anthropic
import pydantic

client = anthropic.Anthropic(
    base_url=os.environ["RUNGATE_BASE_URL"],
    api_key=os.environ["RUNGATE_AGENT_KEY"],
)
messages = client.messages.with_raw_response  # the raw response has the headers
run = {"x-rungate-run-id": "run_customer_refund_2026_04_26"}
if sys.argv[2:]:
    run["x-rungate-approval"] = sys.argv[2]  # what to do while a person has yet to decide

PIXEL = "iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAIAAACQd1PeAAAADElEQVR42mP4z8AAAAMBAQD3A0FDAAAAAElFTkSuQmCC"
LOOKUP_ORDER = {
    "name": "lookup_order",
    "description": "Finds an order by its id.",
    "input_schema": {
        "type": "object",
        "properties": {"order": {"type": "string"}},
        "required": ["order"],
    },
}


def text():
    raw = messages.create(
        model="claude-sonnet-4",
        max_tokens=1024,
        messages=[{"role": "user", "content": "Say hello."}],
        extra_headers=run,
    )
    return {
        "text": raw.parse().content[0].text,
        "run_id": raw.headers.get("x-rungate-run-id"),
    }


def stream():
    with client.messages.stream(
        model="claude-sonnet-4",
        max_tokens=1024,
        messages=[{"role": "user", "content": "Say hello."}],
        extra_headers=run,
    ) as answer:
        pieces = list(answer.text_stream)
        return {
            "text": "".join(pieces),
            "chunks": len(pieces),
            "run_id": answer.response.headers.get("x-rungate-run-id"),
        }


def tool():
    raw = messages.create(
        model="claude-sonnet-4",
        max_tokens=1024,
        messages=[{"role": "user", "content": "Where is order ord_2H4p?"}],
        tools=[LOOKUP_ORDER],
        extra_headers=run,
    )
    call = next(block for block in raw.parse().content if block.type == "tool_use")
    return {
        "tool": {"name": call.name, "args": call.input},
        "run_id": raw.headers.get("x-rungate-run-id"),
    }


def streamed_tool():
    with client.messages.stream(
        model="claude-sonnet-4",
        max_tokens=1024,
        messages=[{"role": "user", "content": "Where is order ord_2H4p?"}],
        tools=[LOOKUP_ORDER],
        extra_headers=run,
    ) as stream:
        message = stream.get_final_message()
    call = next(block for block in message.content if block.type == "tool_use")
    return {"tool": {"name": call.name, "args": call.input}}


class Whereabouts(pydantic.BaseModel):
    order: str
    late: bool


def typed():
    """The call of a tool, and an answer after it that the SDK parses."""
    question = {"role": "user", "content": "Where is order ord_2H4p?"}
    message = client.messages.create(
        model="claude-sonnet-4", max_tokens=1024, messages=[question], tools=[LOOKUP_ORDER], extra_headers=run
    )
    call = next(block for block in message.content if block.type == "tool_use")
    result = {"type": "tool_result", "tool_use_id": call.id, "content": f"{call.input['order']} is on its way"}
    with client.messages.stream(
        model="claude-sonnet-4",
        max_tokens=1024,
        messages=[
            question,
            {"role": "assistant", "content": message.content},
            {"role": "user", "content": [result]},
        ],
        tools=[LOOKUP_ORDER],
        output_format=Whereabouts,
        extra_headers=run,
    ) as answer:
        return {
            "text": type(answer.get_final_message().parsed_output).__name__,
            "tool": {"name": call.name, "args": call.input},
            "run_id": answer.response.headers.get("x-rungate-run-id"),
        }


def patient():
    """The call of a tool, by an agent that knows what a 202 is."""
    while True:
        raw = messages.create(
            model="claude-sonnet-4",
            max_tokens=1024,
            messages=[{"role": "user", "content": "Where is order ord_2H4p?"}],
            tools=[LOOKUP_ORDER],
            extra_headers=run,
        )
        if raw.status_code != 202:
            break
        time.sleep(int(raw.headers["retry-after"]))  # and send the same request again
    call = next(block for block in raw.parse().content if block.type == "tool_use")
    return {
        "tool": {"name": call.name, "args": call.input},
        "run_id": raw.headers.get("x-rungate-run-id"),
    }


def image():
    raw = messages.create(
        model="claude-sonnet-4",
        max_tokens=1024,
        messages=[
            {
                "role": "user",
                "content": [
                    {
                        "type": "image",
                        "source": {"type": "base64", "media_type": "image/png", "data": PIXEL},
                    },
                    {"type": "text", "text": "What is in the picture?"},
                ],
            }
        ],
        extra_headers=run,
    )
    return {
        "text": raw.parse().content[0].text,
        "run_id": raw.headers.get("x-rungate-run-id"),
    }


def body():
    """The directives as a field of the body instead of headers."""
    raw = messages.create(
        model="claude-sonnet-4",
        max_tokens=1024,
        messages=[{"role": "user", "content": "Say hello."}],
        extra_body={"rungate": {"run_id": run["x-rungate-run-id"], "tags": ["refunds"]}},
    )
    return {
        "text": raw.parse().content[0].text,
        "run_id": raw.headers.get("x-rungate-run-id"),
    }


def failure(err):
    response = getattr(err, "response", None)  # an error inside a stream has none
    body = getattr(err, "body", None)
    details = body.get("error", {}).get("details", {}) if isinstance(body, dict) else {}
    return {
        "error": {
            "class": type(err).__name__,
            "status": getattr(err, "status_code", None),
            "code": details.get("error_code"),
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
