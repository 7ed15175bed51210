// The recipe of the tiny model that answers: its dialogues are true, its held-out cases are those of the tests, and what it trains is what our runtime runs.
import { spawnSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { transformSync } from 'esbuild';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { readGguf } from '../../src/model/format/gguf.ts';
import { CancelFlag } from '../../src/shared/cancel.ts';
import { openEngine, testAddon, TINY_F16 } from '../support/engine.ts';
import { chatPrompt, heldOut, TINY_INSTRUCT } from '../support/instruct.ts';
import { noPython, python } from '../support/python.ts';
import { describeUnless } from '../support/where.ts';

const recipe = resolve('test/fixtures/models/recipe');
/** A chosen token may differ where the second lies closer than this, in nats. */
const MARGIN = 0.02;

describeUnless(python ? undefined : noPython, 'the recipe of the model that answers', () => {
  const folder = mkdtempSync(join(tmpdir(), 'deltallm-instruct-'));
  const run = (args: readonly string[]) => spawnSync(python!, args, { cwd: recipe, encoding: 'utf8', env: { ...process.env, PYTHONDONTWRITEBYTECODE: '1' }, maxBuffer: 1 << 28 });
  const print = (...args: string[]): string => {
    const { status, stdout, stderr } = run(args);
    if (status !== 0) throw new Error(`${args.join(' ')}: ${stdout}\n${stderr}`);
    return stdout;
  };
  const said = <T>(program: string): T => JSON.parse(print('-c', `import starter, json\n${program}`)) as T;
  let log: { step: number; loss?: number }[];
  const exported = join(folder, 'instruct.gguf');

  beforeAll(() => {
    log = print('train.py', TINY_F16, folder, '--steps', '20').trim().split('\n').map((line) => JSON.parse(line));
    print('export.py', folder, exported);
  });
  afterAll(() => rmSync(folder, { recursive: true }));

  test('its own tests pass', () => {
    const { status, stderr } = run(['-W', 'error', '-m', 'unittest', 'discover', '-t', '.', '-s', 'tests']);
    expect(stderr).toMatch(/Ran [1-9]\d* tests/);
    expect(status, stderr).toBe(0);
  });

  test('the TypeScript functions give what their examples say', () => {
    const cases = said<{ code: string; test: string }[]>(`
from functions import *
made = [Function("typescript", "subject", ("first", "second")[: len(kind.types)], kind, False, True, stepwise) for kind in KINDS for stepwise in (False, True)]
print(json.dumps([{"code": code, "test": one.test} for one in made for code in (one.code, one.documented)]))`);
    const seen: string[] = [];
    for (const { code, test: body } of cases) {
      const script = transformSync(`${code}\n${body}`, { loader: 'ts' }).code;
      new Function('test', 'expect', script)((name: string, inner: () => void) => { seen.push(name); inner(); }, expect);
    }
    expect(seen).toEqual(Array<string>(cases.length).fill('it'));
    expect(cases.length).toBeGreaterThan(80);
  });

  test('the cases of the tests are those that it holds out', () => {
    expect(JSON.parse(print('dialogues.py', 'held-out', '4'))).toEqual(heldOut);
  });

  test('twenty steps teach something', () => {
    const losses = log.flatMap(({ loss }) => loss ?? []);
    expect(losses.at(-1)).toBeLessThan(losses[0] - 0.5);
  });

  test.each([['just trained', exported], ['of the tests', TINY_INSTRUCT]])('the file %s is read as it was rounded, and goes on as in PyTorch', async (_, path) => {
    const reference = said<{ sums: Record<string, number[]>; prompts: { ids: number[]; greedy: number[]; margins: number[] }[] }>(`
import gguf, torch
from chat import Chat; from dialogues import held_out; from model import Config, Llama; from reference import greedy
config, weights, tokenizer = gguf.read(${JSON.stringify(path)})
model = Llama(Config(**config)); model.load_state_dict(weights); model.eval()
chat = Chat(tokenizer.merges); prompts = []
for case in held_out(1)[:6]:
    ids = chat.tokens(case["messages"])[0] + chat.opening("assistant"); chosen, margins = greedy(model, ids, 16)
    prompts.append(dict(ids=ids, greedy=chosen, margins=margins))
raw = gguf._Reader(open(${JSON.stringify(path)}, "rb").read()).header()[1]
print(json.dumps(dict(sums={name: [float(abs(v).astype("f8").sum()), float(v.reshape(-1)[7])] for name, v in raw.items()}, prompts=prompts)))`);
    const { tensors } = await readGguf(path);
    const bytes = readFileSync(path);
    expect([...tensors.keys()].sort()).toEqual(Object.keys(reference.sums).sort());
    for (const { name, type, shape, offset, bytes: length } of tensors.values()) {
      const values = new Float32Array(shape.reduce((a, b) => a * b));
      testAddon().decodeRows(type.id, shape[0], 1, bytes.subarray(offset, offset + length), values);
      const [sum, seventh] = reference.sums[name];
      expect([name, type.name, values[7]]).toEqual([name, shape.length === 1 ? 'F32' : 'Q8_0', seventh]);
      expect(values.reduce((all, value) => all + Math.abs(value), 0) / sum).toBeCloseTo(1, 10);
    }
    const engine = await openEngine(path, { attention: 'dense' });
    try {
      let compared = 0;
      for (const { ids, greedy, margins } of reference.prompts) {
        const unsure = margins.findIndex((margin) => margin < MARGIN);
        const end = greedy.findIndex((id) => engine.tokenizer.special.eos.includes(id));
        const wanted = greedy.slice(0, Math.min(...[unsure, end].filter((at) => at >= 0), greedy.length));
        const { text } = await engine.generate({ prompt: { tokens: ids }, max: wanted.length || 1, sampling: { temperature: 0 } }, new CancelFlag());
        if (wanted.length > 0) expect(text).toBe(engine.tokenizer.decode(wanted));
        compared += wanted.length;
      }
      expect(compared).toBeGreaterThan(20);
    } finally {
      await engine.close();
    }
  });

  test('the template renders the tokens that were trained on', async () => {
    const engine = await openEngine(TINY_INSTRUCT);
    try {
      const render = await chatPrompt();
      const wanted = said<number[][]>(`
import gguf
from chat import Chat; from dialogues import held_out
chat = Chat(gguf.read(${JSON.stringify(TINY_INSTRUCT)})[2].merges)
print(json.dumps([chat.tokens(case["messages"])[0] + chat.opening("assistant") for case in held_out(4)]))`);
      expect(heldOut.map(({ messages }) => engine.tokenizer.encode(render(messages), { special: true }))).toEqual(wanted);
    } finally {
      await engine.close();
    }
  });
});
