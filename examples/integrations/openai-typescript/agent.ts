// Conversations of an agent with the OpenAI SDK for TypeScript, what came of each as JSON.
// usage: node agent.ts < tasks.json
//
// The tasks are a list of Task. They are done beside each other.
import { json } from 'node:stream/consumers';

import OpenAI from 'openai';

interface Task {
  url: string; // where the gateway is
  run: string; // that the conversation belongs to
  prompt: string; // what the user says
  streamed: boolean; // the answers are
  once: boolean; // the first answer is all that is wanted
  runner: boolean; // of the SDK's, which has the conversation
}

const system = 'You help customers.';
const definitions: { name: string; description: string; parameters: Record<string, any> }[] = [
  {
    name: 'lookup_order',
    description: 'Finds an order by its id.',
    parameters: {
      type: 'object',
      properties: { order: { type: 'string' } },
      required: ['order'],
    },
  },
  {
    name: 'send_note',
    description: 'Sends a note to the customer.',
    parameters: {
      type: 'object',
      properties: { text: { type: 'string' }, urgent: { type: 'boolean' } },
      required: ['text'],
    },
  },
];
const tools = definitions.map((definition) => ({ type: 'function' as const, function: definition }));

const functions: Record<string, (args: any) => string> = {
  lookup_order: ({ order }) => `${order} is on its way`,
  send_note: ({ urgent }) => (urgent ? 'sent at once' : 'sent'),
};

class Agent {
  task: Task;
  client: OpenAI;
  servedBy: string | null = null; // if that is not what the last call asked for
  turns: object[] = [];
  executed: object[] = [];

  constructor(task: Task) {
    this.task = task;
    this.client = new OpenAI({
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

  ask(messages: OpenAI.ChatCompletionMessageParam[]) {
    const request = { model: 'gpt-4', messages, tools };
    if (!this.task.streamed) return this.client.chat.completions.create(request);
    return this.client.chat.completions
      .stream({ ...request, stream_options: { include_usage: true } })
      .finalChatCompletion();
  }

  // Asks for the next message, once more if the answer breaks off.
  async turn(messages: OpenAI.ChatCompletionMessageParam[]) {
    const errors: string[] = [];
    for (;;) {
      try {
        const completion = await this.ask(messages);
        this.turns.push({ answer: completion, served_by: this.servedBy, errors });
        return completion.choices[0].message;
      } catch (err) {
        if (!(err instanceof OpenAI.APIError) || this.task.once || errors.length === 2) throw err;
        errors.push(err.constructor.name);
      }
    }
  }

  execute(name: string, args: object) {
    this.executed.push({ name, args });
    return functions[name](args);
  }

  async converse() {
    const messages: OpenAI.ChatCompletionMessageParam[] = [
      { role: 'system', content: system },
      { role: 'user', content: this.task.prompt },
    ];
    if (this.task.runner) return this.run(messages);
    for (;;) {
      const message = await this.turn(messages);
      if (this.task.once || !message.tool_calls?.length) return message.content;
      messages.push(message);
      for (const call of message.tool_calls) {
        if (call.type !== 'function') throw new Error(`no such tool: ${call.type}`);
        const content = this.execute(call.function.name, JSON.parse(call.function.arguments));
        messages.push({ role: 'tool', tool_call_id: call.id, content });
      }
    }
  }

  // Lets the SDK call the tools.
  run(messages: OpenAI.ChatCompletionMessageParam[]) {
    const request = {
      model: 'gpt-4',
      messages,
      tools: definitions.map((definition) => ({
        type: 'function' as const,
        function: {
          ...definition,
          parse: JSON.parse,
          function: (args: object) => this.execute(definition.name, args),
        },
      })),
    };
    const keep = (answer: OpenAI.ChatCompletion) => {
      this.turns.push({ answer, served_by: this.servedBy, errors: [] });
    };
    const { completions } = this.client.chat;
    if (!this.task.streamed) return completions.runTools(request).on('chatCompletion', keep).finalContent();
    return completions
      .runTools({ ...request, stream: true, stream_options: { include_usage: true } })
      .on('chatCompletion', keep)
      .finalContent();
  }
}

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
