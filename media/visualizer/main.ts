// The page's start: it asks the host for its state and shows what comes. As a file of its own it has its state within.
import { PANEL_PROTOCOL, type FromPanel, type PanelState, type ToPanel } from '../../src/shared/panelProtocol.ts';
import { VisualizerApp } from './app.ts';

declare function acquireVsCodeApi(): { postMessage(message: FromPanel): void; setState(state: unknown): void };

const root = document.getElementById('visualizer')!;
const held = document.getElementById('state');
if (held) {
  const app = new VisualizerApp(root, () => {}, false);
  app.store.receive({ type: 'state', protocol: PANEL_PROTOCOL, epoch: 'file', seq: 0, state: JSON.parse(held.textContent!) as PanelState, words: {} });
} else {
  const host = acquireVsCodeApi();
  const app = new VisualizerApp(root, (message) => host.postMessage(message), true);
  window.addEventListener('message', ({ data }: MessageEvent<ToPanel>) => app.store.receive(data));
  // With any state at all, VS Code brings the panel back when the window is opened again.
  host.setState({});
  app.store.hello();
}
