"""One call with LlamaIndex, its outcome as a line of JSON.

usage: python scenarios.py text|stream|tool|loop|image [accepted|wait|error]

LlamaIndex hands out no response headers; only a refusal tells the run.
"""

import asyncio
import base64
import json
import os
import sys

from llama_index.core.agent.workflow import FunctionAgent
from llama_index.core.llms import ChatMessage, ImageBlock, TextBlock
from llama_index.core.tools import FunctionTool
from llama_index.llms.openai import OpenAI

headers = {"x-rungate-run-id": "run_customer_refund_2026_04_26"}
if sys.argv[2:]:
    headers["x-rungate-approval"] = sys.argv[2]  # what to do while a person has yet to decide

llm = OpenAI(
    api_base=os.environ["RUNGATE_BASE_URL"],
    api_key=os.environ["RUNGATE_AGENT_KEY"],
    model="gpt-4",
    additional_kwargs={"extra_headers": headers},
)

PIXEL = "iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAIAAACQd1PeAAAADElEQVR42mP4z8AAAAMBAQD3A0FDAAAAAElFTkSuQmCC"


def lookup_order(order: str) -> str:
    """Finds an order by its id."""
    return order


def ask(*blocks):
    return [ChatMessage(role="user", blocks=list(blocks))]


def text():
    return {"text": llm.chat(ask(TextBlock(text="Say hello."))).message.content}


def stream():
    deltas = [chunk.delta for chunk in llm.stream_chat(ask(TextBlock(text="Say hello.")))]
    pieces = [delta for delta in deltas if delta]
    return {"text": "".join(pieces), "chunks": len(pieces)}


def tool():
    response = llm.chat_with_tools(
        [FunctionTool.from_defaults(lookup_order)], user_msg="Where is order ord_2H4p?"
    )
    call = llm.get_tool_calls_from_response(response)[0]
    return {"tool": {"name": call.tool_name, "args": call.tool_kwargs}}


def loop():
    """The call of a tool, and what the model makes of its result, as LlamaIndex's own agent does it."""
    agent = FunctionAgent(tools=[lookup_order], llm=llm)

    async def converse():
        return await agent.run("Where is order ord_2H4p?")

    answer = asyncio.run(converse())
    call = answer.tool_calls[0]
    return {"text": str(answer), "tool": {"name": call.tool_name, "args": call.tool_kwargs}}


def image():
    picture = ImageBlock(image=base64.b64decode(PIXEL), image_mimetype="image/png")
    response = llm.chat(ask(TextBlock(text="What is in the picture?"), picture))
    return {"text": response.message.content}


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
