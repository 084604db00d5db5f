// LangChain for TypeScript through Rungate, one model of each provider in one run.
import { ChatAnthropic } from '@langchain/anthropic';
import { ChatOpenAI } from '@langchain/openai';

const headers = { 'x-rungate-run-id': 'run_customer_refund_2026_04_26' };

const gpt = new ChatOpenAI({
  apiKey: process.env.RUNGATE_AGENT_KEY, // rg_agt_…
  model: 'gpt-4',
  configuration: {
    baseURL: process.env.RUNGATE_BASE_URL, // https://…/v1
    defaultHeaders: headers,
  },
});
console.log((await gpt.invoke('...')).content);

const claude = new ChatAnthropic({
  apiKey: process.env.RUNGATE_AGENT_KEY,
  anthropicApiUrl: process.env.RUNGATE_BASE_URL,
  model: 'claude-sonnet-4',
  maxTokens: 1024,
  clientOptions: { defaultHeaders: headers },
});
console.log((await claude.invoke('...')).content);
