"""LlamaIndex through Rungate."""

import os

from llama_index.llms.openai import OpenAI

llm = OpenAI(
    api_base=os.environ["RUNGATE_BASE_URL"],  # https://…/v1
    api_key=os.environ["RUNGATE_AGENT_KEY"],  # rg_agt_…
    model="gpt-4",
    additional_kwargs={"extra_headers": {"x-rungate-run-id": "run_customer_refund_2026_04_26"}},
)
print(llm.complete("...").text)
