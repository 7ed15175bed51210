// What the pictures of the visualizer are made with, as one module.
export { missing, PanelBench } from './panelBench.ts';
export { realRun } from './panelRealRun.ts';
export { states } from './panelStates.ts';
export { themeNames } from './themes.ts';
