// The start of the page of models: it asks the host for everything and shows what comes.
import { MODELS_PROTOCOL, type FromModels, type ToModels } from '../../src/shared/modelsProtocol.ts';
import { ModelsApp } from './app.ts';

declare function acquireVsCodeApi(): { postMessage(message: FromModels): void };

const host = acquireVsCodeApi();
const app = new ModelsApp(document.getElementById('models')!, (message) => host.postMessage(message));
window.addEventListener('message', ({ data }: MessageEvent<ToModels>) => {
  if (data.type === 'state' && data.protocol === MODELS_PROTOCOL) app.show(data.state, data.words);
});
host.postMessage({ type: 'hello', protocol: MODELS_PROTOCOL });
