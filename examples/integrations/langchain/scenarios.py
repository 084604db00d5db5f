"""One call with LangChain for Python, its outcome as a line of JSON.

usage: python scenarios.py text|stream|tool|loop|image [accepted|wait|error]
"""

import json
import os
import sys

from langchain_core.messages import HumanMessage
from langchain_core.tools import tool as as_tool
from langchain_openai import ChatOpenAI

headers = {"x-rungate-run-id": "run_customer_refund_2026_04_26"}
if sys.argv[2:]:
    headers["x-rungate-approval"] = sys.argv[2]  # what to do while a person has yet to decide

llm = ChatOpenAI(
    base_url=os.environ["RUNGATE_BASE_URL"],
    api_key=os.environ["RUNGATE_AGENT_KEY"],
    model="gpt-4",
    default_headers=headers,
    include_response_headers=True,  # they come as response_metadata["headers"]
)

PIXEL = "iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAIAAACQd1PeAAAADElEQVR42mP4z8AAAAMBAQD3A0FDAAAAAElFTkSuQmCC"


@as_tool
def lookup_order(order: str) -> str:
    """Finds an order by its id."""
    return order


def run_id(message):
    return message.response_metadata.get("headers", {}).get("x-rungate-run-id")


def text():
    message = llm.invoke("Say hello.")
    return {"text": message.content, "run_id": run_id(message)}


def stream():
    chunks = list(llm.stream("Say hello."))
    pieces = [chunk.content for chunk in chunks if chunk.content]
    return {"text": "".join(pieces), "chunks": len(pieces), "run_id": run_id(chunks[0])}


def tool():
    message = llm.bind_tools([lookup_order]).invoke("Where is order ord_2H4p?")
    call = message.tool_calls[0]
    return {"tool": {"name": call["name"], "args": call["args"]}, "run_id": run_id(message)}


def loop():
    """The call of a tool, and what the model makes of its result."""
    model = llm.bind_tools([lookup_order])
    messages, calls = [HumanMessage("Where is order ord_2H4p?")], []
    while True:
        message = model.invoke(messages)
        if not message.tool_calls:
            break
        messages.append(message)
        messages += [lookup_order.invoke(call) for call in message.tool_calls]
        calls += message.tool_calls
    return {
        "text": message.content,
        "tool": {"name": calls[0]["name"], "args": calls[0]["args"]},
        "run_id": run_id(message),
    }


def image():
    message = llm.invoke(
        [
            HumanMessage(
                content=[
                    {"type": "text", "text": "What is in the picture?"},
                    {"type": "image_url", "image_url": {"url": f"data:image/png;base64,{PIXEL}"}},
                ]
            )
        ]
    )
    return {"text": message.content, "run_id": run_id(message)}


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


scenarios = {"text": text, "stream": stream, "tool": tool, "loop": loop, "image": image}
try:
    outcome = scenarios[sys.argv[1]]()
except Exception as err:
    outcome = failure(err)
print(json.dumps(outcome))
