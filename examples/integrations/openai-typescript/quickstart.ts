// The OpenAI SDK for TypeScript through Rungate.
import OpenAI from 'openai';

const client = new OpenAI({
  baseURL: process.env.RUNGATE_BASE_URL, // https://…/v1
  apiKey: process.env.RUNGATE_AGENT_KEY, // rg_agt_…
});

const response = await client.chat.completions.create({
  model: 'gpt-4',
  messages: [{ role: 'user', content: '...' }],
}, {
  headers: {
    'x-rungate-run-id': 'run_customer_refund_2026_04_26',
    'x-rungate-policy': 'prod-agents/v4',
  },
});
console.log(response.choices[0].message.content);
