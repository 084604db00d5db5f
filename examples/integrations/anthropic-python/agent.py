"""Conversations of an agent with the Anthropic SDK for Python, what came of each as JSON.

usage: python agent.py < tasks.json

The tasks are a list of {"url", "run", "prompt", "streamed", "once", "thinking", "runner", "thread"}: where the gateway
is, the run that the conversation belongs to, what the user says, whether answers are streamed, whether the first answer
is all that is wanted, whether the model thinks before it speaks, whether the SDK's tool runner has the conversation, and
whether Anthropic keeps it then. They are done beside each other.
"""

import concurrent.futures
import json
import os
import sys

import anthropic

SYSTEM = "You help customers."
TOOLS = [
    {
        "name": "lookup_order",
        "description": "Finds an order by its id.",
        "input_schema": {
            "type": "object",
            "properties": {"order": {"type": "string"}},
            "required": ["order"],
        },
    },
    {
        "name": "send_note",
        "description": "Sends a note to the customer.",
        "input_schema": {
            "type": "object",
            "properties": {"text": {"type": "string"}, "urgent": {"type": "boolean"}},
            "required": ["text"],
        },
    },
]


def lookup_order(order):
    return f"{order} is on its way"


def send_note(text, urgent=False):
    return "sent at once" if urgent else "sent"


functions = {"lookup_order": lookup_order, "send_note": send_note}


class Agent:
    def __init__(self, task):
        self.task = task
        self.client = anthropic.Anthropic(
            base_url=task["url"],
            api_key=os.environ["RUNGATE_AGENT_KEY"],
            default_headers={"x-rungate-run-id": task["run"]},
            http_client=anthropic.DefaultHttpxClient(event_hooks={"response": [self.note]}),
        )
        self.turns, self.executed = [], []

    def note(self, response):
        """Keeps what has served the call, if that is not what it asked for."""
        self.served_by = response.headers.get("x-rungate-served-by")

    def ask(self, messages):
        request = {
            "model": "claude-sonnet-4",
            "max_tokens": 2048,
            "system": SYSTEM,
            "messages": messages,
            "tools": TOOLS,
        }
        if self.task["thinking"]:
            request["thinking"] = {"type": "enabled", "budget_tokens": 1024}
        if not self.task["streamed"]:
            return self.client.messages.create(**request)
        with self.client.messages.stream(**request) as stream:
            return stream.get_final_message()

    def turn(self, messages):
        """Asks for the next message, once more if the answer breaks off."""
        errors = []
        while True:
            try:
                message = self.ask(messages)
                break
            except anthropic.APIError as err:
                if self.task["once"] or len(errors) == 2:
                    raise
                errors.append(type(err).__name__)
        self.keep(message, errors)
        return message

    def keep(self, message, errors):
        self.turns.append({"answer": message.to_dict(), "served_by": self.served_by, "errors": errors})

    def execute(self, name, arguments):
        self.executed.append({"name": name, "args": arguments})
        return functions[name](**arguments)

    def converse(self):
        messages = [{"role": "user", "content": self.task["prompt"]}]
        if self.task["runner"]:
            return self.run(messages)
        while True:
            message = self.turn(messages)
            calls = [block for block in message.content if block.type == "tool_use"]
            if self.task["once"] or not calls:
                return text(message)
            messages.append({"role": "assistant", "content": message.content})
            results = [
                {"type": "tool_result", "tool_use_id": call.id, "content": self.execute(call.name, call.input)}
                for call in calls
            ]
            messages.append({"role": "user", "content": results})

    def run(self, messages):
        """Lets the SDK call the tools."""

        @anthropic.beta_tool
        def lookup_order(order: str) -> str:
            """Finds an order by its id."""
            return self.execute("lookup_order", {"order": order})

        @anthropic.beta_tool
        def send_note(text: str, urgent: bool = False) -> str:
            """Sends a note to the customer."""
            return self.execute("send_note", {"text": text, "urgent": urgent})

        settings = {} if self.task["thread"] else {"thread": False}  # else Anthropic keeps the conversation
        answers = self.client.beta.messages.tool_runner(
            model="claude-sonnet-4",
            max_tokens=1024,
            system=SYSTEM,
            messages=messages,
            tools=[lookup_order, send_note],
            stream=self.task["streamed"],
            **settings,
        )
        for answer in answers:
            message = answer.get_final_message() if self.task["streamed"] else answer
            self.keep(message, [])
        return text(message)


def text(message):
    return "".join(block.text for block in message.content if block.type == "text")


def perform(task):
    agent, outcome = Agent(task), {}
    try:
        outcome["text"] = agent.converse()
    except Exception as err:
        outcome["error"] = {"class": type(err).__name__, "message": str(err)}
    return {**outcome, "turns": agent.turns, "executed": agent.executed}


with concurrent.futures.ThreadPoolExecutor(8) as pool:
    json.dump(list(pool.map(perform, json.load(sys.stdin))), sys.stdout)
