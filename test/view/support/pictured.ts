// What the pictures are made with, as one module.
export { ChatBench, missing } from './chatBench.ts';
export { states } from './states.ts';
export { themeNames } from './themes.ts';
