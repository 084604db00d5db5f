// One call with LangChain for TypeScript, its outcome as a line of JSON.
// usage: node scenarios.ts openai|anthropic text|stream|tool|loop|image [accepted|wait|error]
//
// LangChain hands out no response headers; only a refusal tells the run.
import { ChatAnthropic } from '@langchain/anthropic';
import { type BaseMessage, HumanMessage, ToolMessage } from '@langchain/core/messages';
import { ChatOpenAI } from '@langchain/openai';

const [vendor, scenario, approval] = process.argv.slice(2);
const headers = {
  'x-rungate-run-id': 'run_customer_refund_2026_04_26',
  ...(approval && { 'x-rungate-approval': approval }), // what to do while a person has yet to decide
};

const gpt = () => new ChatOpenAI({
  apiKey: process.env.RUNGATE_AGENT_KEY,
  model: 'gpt-4',
  configuration: { baseURL: process.env.RUNGATE_BASE_URL, defaultHeaders: headers },
});
const claude = () => new ChatAnthropic({
  apiKey: process.env.RUNGATE_AGENT_KEY,
  anthropicApiUrl: process.env.RUNGATE_BASE_URL,
  model: 'claude-sonnet-4',
  maxTokens: 1024,
  clientOptions: { defaultHeaders: headers },
});
const llm = vendor === 'anthropic' ? claude() : gpt();

const pixel = 'iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAIAAACQd1PeAAAADElEQVR42mP4z8AAAAMBAQD3A0FDAAAAAElFTkSuQmCC';
const lookupOrder = {
  type: 'function' as const,
  function: {
    name: 'lookup_order',
    description: 'Finds an order by its id.',
    parameters: {
      type: 'object',
      properties: { order: { type: 'string' } },
      required: ['order'],
    },
  },
};

async function text() {
  return { text: (await llm.invoke('Say hello.')).text };
}

async function stream() {
  const pieces: string[] = [];
  for await (const chunk of await llm.stream('Say hello.')) {
    if (chunk.text) pieces.push(chunk.text);
  }
  return { text: pieces.join(''), chunks: pieces.length };
}

async function tool() {
  const message = await llm.bindTools([lookupOrder]).invoke('Where is order ord_2H4p?');
  const [call] = message.tool_calls ?? [];
  return { tool: { name: call.name, args: call.args } };
}

// The call of a tool, and what the model makes of its result.
async function loop() {
  const model = llm.bindTools([lookupOrder]);
  const messages: BaseMessage[] = [new HumanMessage('Where is order ord_2H4p?')];
  const calls = [];
  for (;;) {
    const message = await model.invoke(messages);
    if (!message.tool_calls?.length) {
      return { text: message.text, tool: { name: calls[0].name, args: calls[0].args } };
    }
    messages.push(message);
    for (const call of message.tool_calls) {
      messages.push(new ToolMessage({ tool_call_id: call.id!, content: call.args.order }));
      calls.push(call);
    }
  }
}

async function image() {
  const message = await llm.invoke([new HumanMessage({
    content: [
      { type: 'text', text: 'What is in the picture?' },
      { type: 'image_url', image_url: { url: `data:image/png;base64,${pixel}` } },
    ],
  })]);
  return { text: message.text };
}

// The errors are those of the SDK that LangChain wraps, which it does not re-export.
function failure(err: any) {
  return {
    error: {
      class: err.constructor.name,
      status: err.status,
      code: err.code ?? err.error?.error?.details?.error_code,
      message: err.message,
    },
    run_id: err.headers?.get('x-rungate-run-id'),
  };
}

const scenarios: Record<string, () => Promise<object>> = { text, stream, tool, loop, image };
console.log(JSON.stringify(await scenarios[scenario]().catch(failure)));
