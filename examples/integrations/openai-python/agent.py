"""Conversations of an agent with the OpenAI SDK for Python, what came of each as JSON.

usage: python agent.py < tasks.json

The tasks are a list of {"url", "run", "prompt", "streamed", "once"}: where the gateway is, the run that the
conversation belongs to, what the user says, whether answers are streamed, and whether the first answer is all that is
wanted. They are done beside each other.
"""

import concurrent.futures
import json
import os
import sys

import openai

SYSTEM = "You help customers."
TOOLS = [
    {
        "type": "function",
        "function": {
            "name": "lookup_order",
            "description": "Finds an order by its id.",
            "parameters": {
                "type": "object",
                "properties": {"order": {"type": "string"}},
                "required": ["order"],
            },
        },
    },
    {
        "type": "function",
        "function": {
            "name": "send_note",
            "description": "Sends a note to the customer.",
            "parameters": {
                "type": "object",
                "properties": {"text": {"type": "string"}, "urgent": {"type": "boolean"}},
                "required": ["text"],
            },
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
        self.client = openai.OpenAI(
            base_url=task["url"],
            api_key=os.environ["RUNGATE_AGENT_KEY"],
            default_headers={"x-rungate-run-id": task["run"]},
            http_client=openai.DefaultHttpxClient(event_hooks={"response": [self.note]}),
        )
        self.turns, self.executed = [], []

    def note(self, response):
        """Keeps what has served the call, if that is not what it asked for."""
        self.served_by = response.headers.get("x-rungate-served-by")

    def ask(self, messages):
        request = {"model": "gpt-4", "messages": messages, "tools": TOOLS}
        if not self.task["streamed"]:
            return self.client.chat.completions.create(**request)
        with self.client.chat.completions.stream(**request, stream_options={"include_usage": True}) as stream:
            try:
                return stream.get_final_completion()
            except (openai.LengthFinishReasonError, openai.ContentFilterFinishReasonError):
                return stream.current_completion_snapshot  # it is complete, but not as long as the model meant it

    def turn(self, messages):
        """Asks for the next message, once more if the answer breaks off."""
        errors = []
        while True:
            try:
                completion = self.ask(messages)
                break
            except openai.APIError as err:
                if self.task["once"] or len(errors) == 2:
                    raise
                errors.append(type(err).__name__)
        self.turns.append({"answer": completion.to_dict(), "served_by": self.served_by, "errors": errors})
        return completion.choices[0].message

    def execute(self, call):
        arguments = json.loads(call.function.arguments)
        self.executed.append({"name": call.function.name, "args": arguments})
        return functions[call.function.name](**arguments)

    def converse(self):
        messages = [{"role": "system", "content": SYSTEM}, {"role": "user", "content": self.task["prompt"]}]
        while True:
            message = self.turn(messages)
            if self.task["once"] or not message.tool_calls:
                return message.content
            messages.append(message)
            for call in message.tool_calls:
                messages.append({"role": "tool", "tool_call_id": call.id, "content": self.execute(call)})


def perform(task):
    agent, outcome = Agent(task), {}
    try:
        outcome["text"] = agent.converse()
    except Exception as err:
        outcome["error"] = {"class": type(err).__name__, "message": str(err)}
    return {**outcome, "turns": agent.turns, "executed": agent.executed}


with concurrent.futures.ThreadPoolExecutor(8) as pool:
    json.dump(list(pool.map(perform, json.load(sys.stdin))), sys.stdout)
