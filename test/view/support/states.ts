// Every state of the chat view once, as the host would tell it.
import type { AnswerView, AttachmentView, ChatState, OfferView, QuestionView } from '../../../src/shared/chatProtocol.ts';

export const selection: AttachmentView = { id: 'a1', kind: 'selection', label: 'engine.ts:40–92', detail: 'src/session/engine.ts', tokens: 812, refused: null };
const file: AttachmentView = { id: 'a2', kind: 'file', label: 'forward.ts', detail: 'src/model/forward.ts', tokens: 1240, refused: null };
const refused: AttachmentView = { id: 'a3', kind: 'file', label: 'package-lock.json', detail: 'package-lock.json', tokens: 90_400, refused: 'it does not fit into the context.' };

export const question = (over: Partial<QuestionView> = {}): QuestionView => ({ role: 'user', id: 'q1', text: 'Why does the worker wait before it closes?', attachments: [], dropped: false, ...over });
export const answer = (over: Partial<AnswerView> = {}): AnswerView => ({ role: 'assistant', id: 'r1', text: '', reasoning: '', state: 'done', reading: null, note: null, figures: null, dropped: false, ...over });
export const chat = (over: Partial<ChatState> = {}): ChatState => ({
  title: 'Why the worker waits', model: { state: 'ready', name: 'Qwen2.5-Coder-1.5B' }, attachments: [], estimate: { tokens: 640, most: 8192, secondsToFirstWord: 2.4 }, kept: false, note: null, turns: [], ...over,
});

const figures = { reused: 3100, computed: 52, written: 184, firstWord: 0.4, rate: 12.3 };

export const longAnswer = `The worker is never torn out of a native call. \`close()\` sets the cancel flag and then waits for the step under way:

1. **Cancel.** The flag is seen between two passes.
2. **Drain.** The pass that runs comes to its end, which takes a few milliseconds.

\`\`\`typescript
/** Ends the worker, whatever it is at. */
async close(): Promise<void> {
  this.#cancel.set(1);
  await this.#idle; // at most one pass
  for (const lease of this.#leases) lease.release("closed", 42);
}
\`\`\`

| step | waits for | at most |
| --- | --- | ---: |
| cancel | the pass under way | 40 ms |
| drain | the queue | 5 ms |

> A native call that is torn away leaves its buffers behind.

See [the protocol](src/session/protocol.ts) and [Node's documentation](https://nodejs.org/api/worker_threads.html).`;

const partial = longAnswer.slice(0, longAnswer.indexOf('  for (const'));

const offers: OfferView[] = [
  { id: 'o1', name: 'qwen2.5-coder:1.5b', origin: 'Ollama', detail: '1.5 B parameters · Q4_K_M · 1.1 GB', refused: null },
  { id: 'o2', name: 'Llama-3.2-3B-Instruct', origin: 'LM Studio', detail: '3.2 B parameters · Q8_0 · 3.4 GB', refused: null },
  { id: 'o3', name: 'gpt-oss-20b', origin: 'Hugging Face', detail: '21 B parameters · MXFP4 · 12 GB', refused: 'It needs 13 GB of memory, and 6 GB are free.' },
];

const TOO_LARGE = 'Qwen2.5-Coder-7B needs 8.1 GB of memory but only 3.9 GB are free: close something, or choose a smaller model.';
const explain = question({ text: 'Explain this code', attachments: [selection] });

export const states: Record<string, ChatState> = {
  'no-model': chat({ model: { state: 'none', offers: null, searching: false }, estimate: null }),
  'no-model-question-kept': chat({ model: { state: 'none', offers, searching: false }, kept: true, estimate: null, turns: [explain] }),
  'no-model-searching': chat({ model: { state: 'none', offers: null, searching: true }, kept: true, estimate: null, turns: [explain] }),
  'no-model-nothing-found': chat({ model: { state: 'none', offers: [], searching: false }, estimate: null }),
  loading: chat({ model: { state: 'loading', name: 'Qwen2.5-Coder-1.5B', share: 0.41 }, kept: true, estimate: null, turns: [explain, answer({ state: 'waiting', note: 'Waiting for the model' })] }),
  'model-failed': chat({ model: { state: 'failed', name: 'Qwen2.5-Coder-7B', sentence: TOO_LARGE, offers: null, searching: false }, estimate: null, kept: true, turns: [explain, answer({ state: 'failed', note: TOO_LARGE })] }),
  'on-a-server': chat({ model: { state: 'ready', name: 'Qwen2.5-Coder-32B-Instruct', server: 'gpu.team.example:8000' }, estimate: { tokens: 640, most: 8192, secondsToFirstWord: null } }),
  ready: chat({ attachments: [selection], estimate: { tokens: 2148, most: 8192, secondsToFirstWord: 9.2 } }),
  attachments: chat({ attachments: [selection, file, refused], estimate: { tokens: 3010, most: 8192, secondsToFirstWord: 14 }, turns: [explain, answer({ text: 'It closes the worker.', figures })] }),
  waiting: chat({ turns: [explain, answer({ state: 'waiting' })] }),
  reading: chat({ turns: [explain, answer({ state: 'reading', reading: { done: 3359, total: 8192, secondsLeft: 24.6 } })] }),
  writing: chat({ turns: [explain, answer({ state: 'writing', text: partial })] }),
  reasoning: chat({ turns: [question(), answer({ state: 'writing', reasoning: 'The user asks about **close**. The invariant says that no call is torn.' })] }),
  done: chat({ turns: [explain, answer({ text: longAnswer, figures, reasoning: 'The invariant says that no call is torn.' })] }),
  stopped: chat({ turns: [question(), answer({ state: 'stopped', text: 'The worker is never torn out of a native call. It', figures })] }),
  cut: chat({ turns: [question(), answer({ state: 'cut', text: 'The worker is never torn out of a native call, because', figures })] }),
  failed: chat({ turns: [question(), answer({ state: 'failed', note: 'The model needs more memory than is free: close other programs or choose a smaller model.' })] }),
  restored: chat({
    note: 'Qwen2.5-Coder-0.5B was unloaded to make room.',
    turns: [question(), answer({ text: 'It waits for the pass under way.', figures }), question({ id: 'q2', text: 'And when the queue is long?' }), answer({ id: 'r2', text: 'Only the pass under way counts: what waits is cancelled.\n\n- completions first\n- then answers', state: 'stopped', note: 'Stopped when the window was closed.' })],
  }),
  dropped: chat({
    turns: [question({ dropped: true }), answer({ dropped: true, text: 'It waits for the pass under way, see `close()`.' }), question({ id: 'q2', text: 'And when the queue is long?' }), answer({ id: 'r2', text: 'Only the pass under way counts.', figures })],
  }),
};
