// What the pictures are made with, as one module: of each page its bench and the states that are pictured.
import { ChatBench } from './chatBench.ts';
import { ModelsBench } from './modelsBench.ts';
import { modelsStates } from './modelsStates.ts';
import { PanelBench } from './panelBench.ts';
import { states as panelStates } from './panelStates.ts';
import { states as chatStates } from './states.ts';

export { realRun } from './panelRealRun.ts';
export { missing } from './servedPage.ts';
export { themeNames } from './themes.ts';

export const pages = {
  chat: { start: ChatBench.start, states: chatStates, size: { width: 320, height: 640 }, fullPage: false },
  models: { start: ModelsBench.start, states: modelsStates, size: { width: 340, height: 1200 }, fullPage: true },
  visualizer: { start: PanelBench.start, states: panelStates, size: { width: 1200, height: 900 }, fullPage: false },
};
