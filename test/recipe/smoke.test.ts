// The whole recipe on made-up repositories: from git to weights that our runtime loads. Tokenizer and loss are those of the first machine.
import { spawnSync } from 'node:child_process';
import { mkdtempSync, readdirSync, readFileSync, rmSync, statSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import type { Engine } from '../../src/session/engine.ts';
import { fimOrder } from '../../src/prompt/order.ts';
import { CancelFlag } from '../../src/shared/cancel.ts';
import { openEngine } from '../support/engine.ts';
import { noPython, python } from '../support/python.ts';
import { describeUnless } from '../support/where.ts';

const recipe = resolve('models/starter/recipe');
/** Of the merges learnt from the made-up repositories; README.md of the recipe names it too. */
const TOKENIZER = 'e752a2ce776dce22';
/** Nats a token on the held-out toy repository after 60 steps in float32, and how far rounding may take another machine from it. */
const LOSS = { value: 1.32, tolerance: 0.1 };
/** A chosen token may differ where the second lies closer than this, in nats. */
const MARGIN = 0.02;

interface Reference {
  snippets: { text: string; ids: number[] }[];
  prompts: { ids: number[]; greedy: number[]; margins: number[] }[];
}

describeUnless(python ? undefined : noPython, 'the recipe, from repositories to weights', () => {
  const folder = mkdtempSync(join(tmpdir(), 'deltallm-recipe-'));
  const at = (name: string): string => join(folder, name);
  const run = (program: string, args: readonly string[], env: NodeJS.ProcessEnv = {}): string => {
    const { status, stdout, stderr } = spawnSync(program, args, { cwd: recipe, encoding: 'utf8', env: { ...process.env, PYTHONDONTWRITEBYTECODE: '1', ...env } });
    if (status !== 0) throw new Error(`${program} ${args.join(' ')}: ${stdout}\n${stderr}`);
    return stdout;
  };
  const python3 = (name: string, ...args: string[]): string => run(python!, [`${name}.py`, ...args]);
  let trained = '';

  beforeAll(() => {
    python3('toy', folder);
    python3('corpus', at('sources.json'), at('snapshots'), at('corpus'));
    python3('train_tokenizer', at('corpus/train.jsonl'), at('tokenizer.json'), '--vocab', '512');
    for (const set of ['train', 'val_ts', 'val_py']) python3('prepare', at('tokenizer.json'), at(`corpus/${set}.jsonl`), at(`shards/${set}`));
    const data = ['--data', at('shards/train'), '--held-out', at('shards/val_ts')];
    trained = python3('train', '--preset', 'toy', '--tokenizer', at('tokenizer.json'), ...data, '--out', at('run'), '--steps', '60', '--float32');
    python3('export', at('run/checkpoint.pt'), at('tokenizer.json'), at('starter-toy'), 'f16', 'q8_0', 'q4_0', '--name', 'Starter Toy');
    python3('reference', at('starter-toy-f16.gguf'), at('corpus/val_ts.jsonl'), at('reference.json'));
  });
  afterAll(() => rmSync(folder, { recursive: true }));

  test('its own tests pass', () => {
    const { status, stderr } = spawnSync(python!, ['-W', 'error', '-m', 'unittest', 'discover', '-t', '.', '-s', 'tests'], { cwd: recipe, encoding: 'utf8', env: { ...process.env, PYTHONDONTWRITEBYTECODE: '1' } });
    expect(stderr).toMatch(/Ran [1-9]\d* tests/);
    expect(status, stderr).toBe(0);
  });

  test('only written source under a permissive licence is learnt from, each text once', () => {
    const lines = ['train', 'val_ts', 'val_py'].flatMap((set) => readFileSync(at(`corpus/${set}.jsonl`), 'utf8').trim().split('\n').map((line) => JSON.parse(line) as { repo: string; path: string; text: string }));
    expect(new Set(lines.map(({ repo }) => repo)).size).toBe(5);
    expect(lines.filter(({ path }) => /^(node_modules|other)\/|packed|made/.test(path))).toEqual([]);
    expect(new Set(lines.map(({ text }) => text)).size).toBe(lines.length);
  });

  test('a repository whose files name another licence than the list is refused', () => {
    const { status, stderr } = spawnSync(python!, ['-c', `
import json, sys; sys.path.insert(0, "."); import toy, random
commit = toy.commit("${at('gpl.git')}", {**toy.repository("gpl", random.Random(9)), "LICENSE": toy.GPL})
json.dump({"repositories": [{"repo": "gpl", "split": "train", "licence": "MIT", "commit": commit}]}, open("${at('gpl.json')}", "w"))
sys.argv = ["corpus.py", "${at('gpl.json')}", "${folder}", "${at('none')}"]; import corpus; corpus.main()`], { cwd: recipe, encoding: 'utf8' });
    expect(status).toBe(1);
    expect(stderr).toContain('gpl: the list says MIT, its files say no permissive licence');
  });

  test('the tokenizer is the same on every machine', () => {
    expect(python3('train_tokenizer', at('corpus/train.jsonl'), at('again.json'), '--vocab', '512')).toContain(`hash ${TOKENIZER}`);
    expect(readFileSync(at('again.json'), 'utf8')).toBe(readFileSync(at('tokenizer.json'), 'utf8'));
  });

  test('the model learns, and as much as on the first machine', () => {
    const log = trained.trim().split('\n').map((line) => JSON.parse(line) as { step: number; loss?: number; held_out?: string });
    expect(log.find(({ step, loss }) => step === 1 && loss !== undefined)!.loss).toBeGreaterThan(6);
    const { loss } = log.findLast(({ held_out }) => held_out === 'val_ts')!;
    console.log(`held-out loss after 60 steps: ${loss}`);
    expect(Math.abs(loss! - LOSS.value)).toBeLessThanOrEqual(LOSS.tolerance);
  });

  describe('the F16 file in our runtime', () => {
    let engine: Engine;
    let reference: Reference;
    beforeAll(async () => {
      reference = JSON.parse(readFileSync(at('reference.json'), 'utf8'));
      engine = await openEngine(at('starter-toy-f16.gguf'), { attention: 'dense' });
    });
    afterAll(() => engine?.close());

    test('is prompted in the order that it was trained for', () => {
      expect(fimOrder(engine.describe().name)).toBe('spm');
      expect(engine.describe().fim).toBe(true);
    });

    test('gives the same tokens', () => {
      expect(reference.snippets.length).toBe(100);
      for (const { text, ids } of reference.snippets) expect(engine.tokenizer.encode(text)).toEqual(ids);
    });

    test('writes the same text as PyTorch, as far as the margin allows', async () => {
      for (const { ids, greedy, margins } of reference.prompts) {
        const sure = margins.findIndex((margin) => margin < MARGIN);
        const end = greedy.findIndex((id) => engine.tokenizer.ends.includes(id));
        const wanted = greedy.slice(0, Math.min(...[sure, end].filter((at) => at >= 0), greedy.length));
        if (wanted.length === 0) continue;
        const { text } = await engine.generate({ prompt: { tokens: ids }, max: wanted.length, sampling: { temperature: 0 } }, new CancelFlag());
        expect(text).toBe(engine.tokenizer.decode(wanted));
      }
      expect(reference.prompts.some(({ margins }) => margins.every((margin) => margin >= MARGIN))).toBe(true);
    });
  });

  test('the quantised files load', async () => {
    for (const kind of ['q8_0', 'q4_0']) {
      const engine = await openEngine(at(`starter-toy-${kind}.gguf`), { attention: 'dense' });
      const { text } = await engine.generate({ prompt: { text: 'export function ' }, max: 12, sampling: { temperature: 0 } }, new CancelFlag());
      expect(text.length).toBeGreaterThan(8);
      await engine.close();
    }
  });

  test('the commands for a machine without a network bring weights and figures back in pieces', () => {
    const shards = readdirSync(at('shards')).map((name) => at(`shards/${name}`));
    python3('pieces', 'split', ...shards, at('tokenizer.json'), at('packed'), '--mib', '64', '--compress');
    const env = { PYTHON: python!, PRESET: 'toy', WORK: at('work'), OUT: at('out') };
    expect(run('bash', ['h200.sh', 'rehearse', at('packed'), '1', '3e-3:0.02'], env)).toMatch(/^3e-3:0.02 .*bits_per_byte/m);
    expect(run('bash', ['h200.sh', 'train', at('packed'), '1'], env)).toContain('|---|');
    for (const name of readdirSync(at('out'))) expect(statSync(at(`out/${name}`)).size).toBeLessThanOrEqual(16 * 2 ** 20);
    python3('pieces', 'join', at('out'), at('home'));
    expect(readFileSync(at('home/starter-q8_0.gguf')).equals(readFileSync(at('work/starter-q8_0.gguf')))).toBe(true);
    expect(readFileSync(at('out/evaluate.md'), 'utf8')).toContain('|---|');
    expect(python3('kstudy', at('work/run/checkpoint.pt'), at('tokenizer.json'), ['val_ts', 'val_py'].map((set) => at(`work/data/${set}`)).join(','))).toContain('|---|');
  });
});
