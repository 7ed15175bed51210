// The chat view's start: it asks the host for the conversation and shows what comes.
import type { FromChatView, ToChatView } from '../../src/shared/chatProtocol.ts';
import { ChatApp } from './app.ts';
import type { Draft } from './composer.ts';

declare function acquireVsCodeApi(): { postMessage(message: FromChatView): void; getState(): unknown; setState(state: unknown): void };

const host = acquireVsCodeApi();
const kept = host.getState() as Partial<Draft> | undefined;
const draft: Draft = { text: kept?.text ?? '', editing: kept?.editing ?? null };
const app = new ChatApp(document.getElementById('chat')!, (message) => host.postMessage(message), draft, (changed) => host.setState(changed));

window.addEventListener('message', ({ data }: MessageEvent<ToChatView>) => {
  if (data.type === 'focus') app.focus();
  else app.store.receive(data);
});
app.store.hello();
