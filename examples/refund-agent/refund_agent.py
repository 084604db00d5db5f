"""An agent that looks orders up and refunds them.

It does not know which refunds a person has to approve: the policy of the gateway says so. Its part is to let
its calls wait for the decision, and to read what a person has decided against.

usage: RUNGATE_BASE_URL=https://…/v1 RUNGATE_AGENT_KEY=rg_agt_… python refund_agent.py "Refund $1240 for order ord_2H4p."
"""

import json
import os
import sys
import time
import uuid

import openai

client = openai.OpenAI(
    base_url=os.environ["RUNGATE_BASE_URL"],
    api_key=os.environ["RUNGATE_AGENT_KEY"],
    default_headers={"x-rungate-approval": "wait"},
)
MODEL = "gpt-4"
MAX_STEPS = 20

PAID = {"ord_2H4p": 1240.00}


def look_up_order(order):
    return {"order": order, "paid_usd": PAID[order]}


def issue_refund(order, amount_usd):
    if amount_usd > PAID[order]:
        raise ValueError("more than what was paid and is not refunded yet")
    PAID[order] -= amount_usd
    print(f"refunded ${amount_usd:.2f} of {order}", flush=True)
    return {"order": order, "refunded_usd": amount_usd}


def tool(function, **properties):
    """What the model is told of a tool."""
    parameters = {"type": "object", "properties": properties, "required": list(properties)}
    return {"type": "function", "function": {"name": function.__name__, "parameters": parameters}}


TOOLS = [
    tool(look_up_order, order={"type": "string"}),
    tool(issue_refund, order={"type": "string"}, amount_usd={"type": "number"}),
]
FUNCTIONS = {"look_up_order": look_up_order, "issue_refund": issue_refund}


def ask(messages, run):
    """The model's next message. It takes as long as a person does, if one is asked."""
    while True:
        raw = client.chat.completions.with_raw_response.create(
            model=MODEL, messages=messages, tools=TOOLS, extra_headers={"x-rungate-run-id": run}
        )
        if raw.status_code != 202:
            return raw.parse().choices[0].message
        # Nobody has decided for as long as the gateway holds a connection: the same request waits on.
        time.sleep(int(raw.headers["retry-after"]))


def not_approved(err):
    """What to tell the model if a person has rejected what it wanted to do, or nobody has decided in time."""
    if err.code not in ("approval_rejected", "approval_expired"):
        raise err
    context = err.body["context"]
    action = json.dumps(context["proposed_action"])
    if err.code == "approval_expired":
        return f"Nobody has decided in time about {action}. Go on without it."
    return f"{context['decided_by']} has rejected {action}, and says: \"{context.get('reason', '')}\". Go on without it."


def call(function):
    """What a tool returns, or what went wrong: that is for the model to know."""
    try:
        return json.dumps(FUNCTIONS[function.name](**json.loads(function.arguments)))
    except Exception as err:
        return f"error: {err!r}"


def work(task):
    """Has the model work on a task until it calls no more tools, and returns what it says in the end."""
    run = f"refund_{uuid.uuid4()}"  # the whole task is one run
    messages = [{"role": "user", "content": task}]
    for _ in range(MAX_STEPS):
        try:
            message = ask(messages, run)
        except openai.PermissionDeniedError as err:
            messages.append({"role": "developer", "content": not_approved(err)})
            continue
        if not message.tool_calls:
            return message.content
        messages.append(message.model_dump(exclude_none=True))
        for c in message.tool_calls:
            messages.append({"role": "tool", "tool_call_id": c.id, "content": call(c.function)})
    raise RuntimeError(f"not done after {MAX_STEPS} steps")


if __name__ == "__main__":
    print(work(sys.argv[1]))
