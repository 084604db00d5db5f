// The Anthropic SDK for TypeScript through Rungate.
import Anthropic from '@anthropic-ai/sdk';

const client = new Anthropic({
  baseURL: process.env.RUNGATE_BASE_URL, // https://… or https://…/v1, both work
  apiKey: process.env.RUNGATE_AGENT_KEY, // rg_agt_…
});

const message = await client.messages.create({
  model: 'claude-sonnet-4',
  max_tokens: 1024,
  messages: [{ role: 'user', content: '...' }],
}, {
  headers: {
    'x-rungate-run-id': 'run_customer_refund_2026_04_26',
  },
});
const [block] = message.content;
if (block.type === 'text') console.log(block.text);
