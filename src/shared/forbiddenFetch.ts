// Stands in for `fetch` in every bundle: offline means offline.

export function forbiddenFetch(): never {
  throw new Error('DeltaLLM does not use the network');
}
