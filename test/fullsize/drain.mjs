// Child of fullSize.test.ts: starts the worker, lets it load and prefill, and ends it at random moments. An abort kills this process.
// Usage: node drain.mjs CLIENT_MODULE DIST MODEL TRIES SEED
const [client, dist, model, tries, seed] = process.argv.slice(2);
const { RuntimeClient } = await import(client);
const wait = (ms) => new Promise((resolve) => setTimeout(resolve, ms));
let state = Number(seed);
const random = () => (state = (Math.imul(state, 1664525) + 1013904223) >>> 0) / 2 ** 32;
const phases = {};
for (let i = 0; i < Number(tries); i++) {
  const runtime = RuntimeClient.start(dist);
  let phase = 'loading';
  const load = runtime.call('load', { model, threads: 2, attention: 'delta', cacheBytes: 1e9, background: false }).then(() => (phase = 'prefill'), () => {});
  // Three of four wait until the prefill has begun.
  if (i % 4 !== 0) await load;
  const tokens = Array.from({ length: 2000 }, (_, n) => (n * 7919 + 13) % 100_000);
  const call = phase === 'prefill' ? runtime.call('generate', { prompt: { tokens }, max: 4, sampling: {} }).then((r) => r.reason, (e) => e.code) : Promise.resolve('not begun');
  await wait(20 + random() * (phase === 'prefill' ? 1500 : 2000));
  const during = phase;
  const asked = performance.now();
  await runtime.close();
  const ms = performance.now() - asked;
  const reason = await call;
  phases[during] ??= { tries: 0, slowest: 0, reasons: {} };
  phases[during].tries++;
  phases[during].slowest = Math.max(phases[during].slowest, Math.round(ms));
  phases[during].reasons[reason] = (phases[during].reasons[reason] ?? 0) + 1;
}
console.log(JSON.stringify(phases));
