// Conversations of an agent with the Anthropic SDK for TypeScript, what came of each as JSON.
// usage: node agent.ts < tasks.json
//
// The tasks are a list of Task. They are done beside each other. ANTHROPIC_SDK names the package, as for
// scenarios.ts.
import { json } from 'node:stream/consumers';

import type { Anthropic as SDK } from '@anthropic-ai/sdk';

const { default: Anthropic } = (await import(
  process.env.ANTHROPIC_SDK ?? '@anthropic-ai/sdk'
)) as typeof import('@anthropic-ai/sdk');

interface Task {
  url: string; // where the gateway is
  run: string; // that the conversation belongs to
  prompt: string; // what the user says
  streamed: boolean; // the answers are
  once: boolean; // the first answer is all that is wanted
  thinking: boolean; // before it speaks, the model does
  runner: boolean; // of the SDK's, which has the conversation
  thread: boolean; // Anthropic keeps it then
}

const system = 'You help customers.';
const tools: SDK.Tool[] = [
  {
    name: 'lookup_order',
    description: 'Finds an order by its id.',
    input_schema: {
      type: 'object',
      properties: { order: { type: 'string' } },
      required: ['order'],
    },
  },
  {
    name: 'send_note',
    description: 'Sends a note to the customer.',
    input_schema: {
      type: 'object',
      properties: { text: { type: 'string' }, urgent: { type: 'boolean' } },
      required: ['text'],
    },
  },
];

const functions: Record<string, (args: any) => string> = {
  lookup_order: ({ order }) => `${order} is on its way`,
  send_note: ({ urgent }) => (urgent ? 'sent at once' : 'sent'),
};

class Agent {
  task: Task;
  client: SDK;
  servedBy: string | null = null; // if that is not what the last call asked for
  turns: object[] = [];
  executed: object[] = [];

  constructor(task: Task) {
    this.task = task;
    this.client = new Anthropic({
      baseURL: task.url,
      apiKey: process.env.RUNGATE_AGENT_KEY,
      defaultHeaders: { 'x-rungate-run-id': task.run },
      fetch: async (url, init) => {
        const response = await fetch(url, init);
        this.servedBy = response.headers.get('x-rungate-served-by');
        return response;
      },
    });
  }

  ask(messages: SDK.MessageParam[]) {
    const request: Omit<SDK.MessageCreateParamsNonStreaming, 'stream'> = {
      model: 'claude-sonnet-4',
      max_tokens: 2048,
      system,
      messages,
      tools,
      ...(this.task.thinking && { thinking: { type: 'enabled', budget_tokens: 1024 } }),
    };
    if (!this.task.streamed) return this.client.messages.create(request);
    return this.client.messages.stream(request).finalMessage();
  }

  // Asks for the next message, once more if the answer breaks off.
  async turn(messages: SDK.MessageParam[]) {
    const errors: string[] = [];
    for (;;) {
      try {
        const message = await this.ask(messages);
        this.turns.push({ answer: message, served_by: this.servedBy, errors });
        return message;
      } catch (err) {
        if (!(err instanceof Anthropic.APIError) || this.task.once || errors.length === 2) throw err;
        errors.push(err.constructor.name);
      }
    }
  }

  execute(name: string, args: unknown) {
    this.executed.push({ name, args });
    return functions[name](args);
  }

  async converse() {
    const messages: SDK.MessageParam[] = [{ role: 'user', content: this.task.prompt }];
    if (this.task.runner) return this.run(messages);
    for (;;) {
      const message = await this.turn(messages);
      const calls = message.content.filter((block) => block.type === 'tool_use');
      if (this.task.once || calls.length === 0) return text(message);
      messages.push({ role: 'assistant', content: message.content });
      messages.push({
        role: 'user',
        content: calls.map((call) => ({
          type: 'tool_result' as const,
          tool_use_id: call.id,
          content: this.execute(call.name, call.input),
        })),
      });
    }
  }

  // Lets the SDK call the tools.
  async run(messages: SDK.MessageParam[]) {
    const request = {
      model: 'claude-sonnet-4',
      max_tokens: 1024,
      system,
      messages,
      tools: tools.map((tool) => ({
        ...tool,
        type: 'custom' as const,
        parse: (input: unknown) => input,
        run: (input: unknown) => this.execute(tool.name, input),
      })),
      // Else the SDK 1.x has Anthropic keep the conversation.
      ...(!this.task.thread && !process.env.ANTHROPIC_SDK && { thread: false as const }),
    };
    const answers = this.task.streamed
      ? this.client.beta.messages.toolRunner({ ...request, stream: true })
      : this.client.beta.messages.toolRunner(request);
    let last = '';
    for await (const answer of answers) {
      const message = 'finalMessage' in answer ? await answer.finalMessage() : answer;
      this.turns.push({ answer: message, served_by: this.servedBy, errors: [] });
      last = text(message);
    }
    return last;
  }
}

const text = ({ content }: { content: { type: string; text?: string }[] }) =>
  content.map((block) => (block.type === 'text' ? block.text : '')).join('');

async function perform(task: Task) {
  const agent = new Agent(task);
  const outcome = await agent.converse().then(
    (text) => ({ text }),
    (err: Error) => ({ error: { class: err.constructor.name, message: err.message } }),
  );
  return { ...outcome, turns: agent.turns, executed: agent.executed };
}

const tasks = (await json(process.stdin)) as Task[];
const done: object[] = [];
const todo = tasks.entries();
await Promise.all(Array.from({ length: 8 }, async () => {
  for (const [i, task] of todo) done[i] = await perform(task);
}));
console.log(JSON.stringify(done));
