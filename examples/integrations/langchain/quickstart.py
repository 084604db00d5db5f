"""LangChain for Python through Rungate."""

import os

from langchain_openai import ChatOpenAI

llm = ChatOpenAI(
    base_url=os.environ["RUNGATE_BASE_URL"],  # https://…/v1
    api_key=os.environ["RUNGATE_AGENT_KEY"],  # rg_agt_…
    model="gpt-4",
    default_headers={"x-rungate-run-id": "run_customer_refund_2026_04_26"},
)
print(llm.invoke("...").content)
