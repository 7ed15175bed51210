// What the pictures of the page of models are made with, as one module.
export { missing } from './chatBench.ts';
export { ModelsBench } from './modelsBench.ts';
export { modelsStates } from './modelsStates.ts';
export { themeNames } from './themes.ts';
