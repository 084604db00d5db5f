// One call with the OpenAI SDK for TypeScript, its outcome as a line of JSON.
// usage: node scenarios.ts text|stream|tool|streamed_tool|image|body|patient [accepted|wait|error]
import { setTimeout } from 'node:timers/promises';

import OpenAI from 'openai';

const client = new OpenAI({
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
  parameters: {
    type: 'object',
    properties: { order: { type: 'string' } },
    required: ['order'],
  },
};

const runID = (headers?: Headers) => headers?.get('x-rungate-run-id');

async function text() {
  const { data, response } = await client.chat.completions.create({
    model: 'gpt-4',
    messages: [{ role: 'user', content: 'Say hello.' }],
  }, run).withResponse();
  return { text: data.choices[0].message.content, run_id: runID(response.headers) };
}

async function stream() {
  const { data, response } = await client.chat.completions.create({
    model: 'gpt-4',
    messages: [{ role: 'user', content: 'Say hello.' }],
    stream: true,
  }, run).withResponse();
  const pieces: string[] = [];
  for await (const chunk of data) {
    const piece = chunk.choices[0].delta.content;
    if (piece) pieces.push(piece);
  }
  return { text: pieces.join(''), chunks: pieces.length, run_id: runID(response.headers) };
}

async function tool() {
  const { data, response } = await client.chat.completions.create({
    model: 'gpt-4',
    messages: [{ role: 'user', content: 'Where is order ord_2H4p?' }],
    tools: [{ type: 'function', function: lookupOrder }],
  }, run).withResponse();
  const call = data.choices[0].message.tool_calls?.[0];
  if (call?.type !== 'function') throw new Error('no function call in the answer');
  return {
    tool: { name: call.function.name, args: JSON.parse(call.function.arguments) },
    run_id: runID(response.headers),
  };
}

async function streamedTool() {
  const completion = await client.chat.completions.stream({
    model: 'gpt-4',
    messages: [{ role: 'user', content: 'Where is order ord_2H4p?' }],
    tools: [{ type: 'function', function: lookupOrder }],
  }, run).finalChatCompletion();
  const call = completion.choices[0].message.tool_calls?.[0];
  if (call?.type !== 'function') throw new Error('no function call in the answer');
  return { tool: { name: call.function.name, args: JSON.parse(call.function.arguments) } };
}

// The call of a tool, by an agent that knows what a 202 is.
async function patient() {
  for (;;) {
    const { data, response } = await client.chat.completions.create({
      model: 'gpt-4',
      messages: [{ role: 'user', content: 'Where is order ord_2H4p?' }],
      tools: [{ type: 'function', function: lookupOrder }],
    }, run).withResponse();
    if (response.status === 202) {
      await setTimeout(1000 * Number(response.headers.get('retry-after')));
      continue; // with the same request
    }
    const call = data.choices[0].message.tool_calls?.[0];
    if (call?.type !== 'function') throw new Error('no function call in the answer');
    return {
      tool: { name: call.function.name, args: JSON.parse(call.function.arguments) },
      run_id: runID(response.headers),
    };
  }
}

async function image() {
  const { data, response } = await client.chat.completions.create({
    model: 'gpt-4',
    messages: [{
      role: 'user',
      content: [
        { type: 'text', text: 'What is in the picture?' },
        { type: 'image_url', image_url: { url: `data:image/png;base64,${pixel}` } },
      ],
    }],
  }, run).withResponse();
  return { text: data.choices[0].message.content, run_id: runID(response.headers) };
}

// The directives as a field of the body instead of headers.
const directives = { rungate: { run_id: 'run_customer_refund_2026_04_26', tags: ['refunds'] } };

async function body() {
  const { data, response } = await client.chat.completions.create({
    model: 'gpt-4',
    messages: [{ role: 'user', content: 'Say hello.' }],
    ...directives,
  }).withResponse();
  return { text: data.choices[0].message.content, run_id: runID(response.headers) };
}

function failure(err: Error) {
  if (!(err instanceof OpenAI.APIError)) {
    return { error: { class: err.constructor.name, message: err.message } };
  }
  return {
    error: { class: err.constructor.name, status: err.status, code: err.code, message: err.message },
    run_id: runID(err.headers),
  };
}

const scenarios: Record<string, () => Promise<object>> = {
  text, stream, tool, streamed_tool: streamedTool, image, body, patient,
};
console.log(JSON.stringify(await scenarios[scenario]().catch(failure)));
