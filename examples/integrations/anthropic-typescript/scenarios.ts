// One call with the Anthropic SDK for TypeScript, its outcome as a line of JSON.
// usage: node scenarios.ts text|stream|tool|streamed_tool|image|body|patient [accepted|wait|error]
//
// ANTHROPIC_SDK names the package: '@anthropic-ai/sdk' (1.x: API version 2026-10-21, bearer token)
// or 'anthropic-sdk-0' (0.x: API version 2023-06-01, x-api-key).
import { setTimeout } from 'node:timers/promises';

const { default: Anthropic } = (await import(
  process.env.ANTHROPIC_SDK ?? '@anthropic-ai/sdk'
)) as typeof import('@anthropic-ai/sdk');

const client = new Anthropic({
  baseURL: process.env.RUNGATE_BASE_URL,
  apiKey: process.env.RUNGATE_AGENT_KEY,
});
const [scenario, approval] = process.argv.slice(2);
const run = {
  headers: {
    'x-rungate-run-id': 'run_customer_refund_2026_04_26',
    ...(approval && { 'x-rungate-approval': approval }), // what to do while a person has yet to decide
  },
};

const pixel = 'iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAIAAACQd1PeAAAADElEQVR42mP4z8AAAAMBAQD3A0FDAAAAAElFTkSuQmCC';
const lookupOrder = {
  name: 'lookup_order',
  description: 'Finds an order by its id.',
  input_schema: {
    type: 'object' as const,
    properties: { order: { type: 'string' } },
    required: ['order'],
  },
};

const runID = (headers?: Headers) => headers?.get('x-rungate-run-id');

async function text() {
  const { data, response } = await client.messages.create({
    model: 'claude-sonnet-4',
    max_tokens: 1024,
    messages: [{ role: 'user', content: 'Say hello.' }],
  }, run).withResponse();
  const [block] = data.content;
  if (block.type !== 'text') throw new Error('no text in the answer');
  return { text: block.text, run_id: runID(response.headers) };
}

async function stream() {
  const { data, response } = await client.messages.create({
    model: 'claude-sonnet-4',
    max_tokens: 1024,
    messages: [{ role: 'user', content: 'Say hello.' }],
    stream: true,
  }, run).withResponse();
  const pieces: string[] = [];
  for await (const event of data) {
    if (event.type === 'content_block_delta' && event.delta.type === 'text_delta') {
      pieces.push(event.delta.text);
    }
  }
  return { text: pieces.join(''), chunks: pieces.length, run_id: runID(response.headers) };
}

async function tool() {
  const { data, response } = await client.messages.create({
    model: 'claude-sonnet-4',
    max_tokens: 1024,
    messages: [{ role: 'user', content: 'Where is order ord_2H4p?' }],
    tools: [lookupOrder],
  }, run).withResponse();
  const call = data.content.find((block) => block.type === 'tool_use');
  if (!call) throw new Error('no tool use in the answer');
  return { tool: { name: call.name, args: call.input }, run_id: runID(response.headers) };
}

async function streamedTool() {
  const message = await client.messages.stream({
    model: 'claude-sonnet-4',
    max_tokens: 1024,
    messages: [{ role: 'user', content: 'Where is order ord_2H4p?' }],
    tools: [lookupOrder],
  }, run).finalMessage();
  const call = message.content.find((block) => block.type === 'tool_use');
  if (!call) throw new Error('no tool use in the answer');
  return { tool: { name: call.name, args: call.input } };
}

// The call of a tool, by an agent that knows what a 202 is.
async function patient() {
  for (;;) {
    const { data, response } = await client.messages.create({
      model: 'claude-sonnet-4',
      max_tokens: 1024,
      messages: [{ role: 'user', content: 'Where is order ord_2H4p?' }],
      tools: [lookupOrder],
    }, run).withResponse();
    if (response.status === 202) {
      await setTimeout(1000 * Number(response.headers.get('retry-after')));
      continue; // with the same request
    }
    const call = data.content.find((block) => block.type === 'tool_use');
    if (!call) throw new Error('no tool use in the answer');
    return { tool: { name: call.name, args: call.input }, run_id: runID(response.headers) };
  }
}

async function image() {
  const { data, response } = await client.messages.create({
    model: 'claude-sonnet-4',
    max_tokens: 1024,
    messages: [{
      role: 'user',
      content: [
        { type: 'image', source: { type: 'base64', media_type: 'image/png', data: pixel } },
        { type: 'text', text: 'What is in the picture?' },
      ],
    }],
  }, run).withResponse();
  const [block] = data.content;
  if (block.type !== 'text') throw new Error('no text in the answer');
  return { text: block.text, run_id: runID(response.headers) };
}

// The directives as a field of the body instead of headers.
const directives = { rungate: { run_id: 'run_customer_refund_2026_04_26', tags: ['refunds'] } };

async function body() {
  const { data, response } = await client.messages.create({
    model: 'claude-sonnet-4',
    max_tokens: 1024,
    messages: [{ role: 'user', content: 'Say hello.' }],
    ...directives,
  }).withResponse();
  const [block] = data.content;
  if (block.type !== 'text') throw new Error('no text in the answer');
  return { text: block.text, run_id: runID(response.headers) };
}

function failure(err: Error) {
  if (!(err instanceof Anthropic.APIError)) {
    return { error: { class: err.constructor.name, message: err.message } };
  }
  const { error } = (err.error ?? {}) as { error?: { details?: { error_code?: string } } };
  return {
    error: {
      class: err.constructor.name,
      status: err.status,
      code: error?.details?.error_code,
      message: err.message,
    },
    run_id: runID(err.headers),
  };
}

const scenarios: Record<string, () => Promise<object>> = {
  text, stream, tool, streamed_tool: streamedTool, image, body, patient,
};
console.log(JSON.stringify(await scenarios[scenario]().catch(failure)));
