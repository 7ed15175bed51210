// Metrics of `deltallm eval tasks`, on cases worked by hand.
import { describe, expect, it } from 'vitest';
import { bestScore, exactMatch, f1, normalised } from '../../src/eval/tasks/squad.ts';
import { Columns } from '../../src/eval/tasks/records.ts';
import { TASKS, type Question } from '../../src/eval/tasks/tasks.ts';
import { taskReport, taskTable } from '../../src/eval/tasks/taskReport.ts';
import type { Answered } from '../../src/eval/tasks/runTasks.ts';

describe('SQuAD 2.0', () => {
  it.each([
    ['The Cat, a dog.', 'cat dog'],
    ['  An  Apple\tand the\n pear ', 'apple and pear'],
    ['theatre', 'theatre'],
    ['l’été à la mer', 'l’été à la mer'],
    ["it's 3.5 %", 'its 35'],
    ['the', ''],
  ])('%j is normalised to %j', (text, expected) => expect(normalised(text)).toBe(expected));

  it.each([
    { prediction: 'the Anna Meyer!', answers: ['Anna Meyer', 'Meyer'], exact: 1, f1: 1 },
    // Two of three words given are right, and both that were asked for: 2·(2/3·1)/(2/3 + 1).
    { prediction: 'by Anna Meyer', answers: ['Anna Meyer'], exact: 0, f1: 0.8 },
    // A word counts as often as it stands in both.
    { prediction: 'red red', answers: ['red blue'], exact: 0, f1: 0.5 },
    { prediction: 'Berta', answers: ['Anna Meyer'], exact: 0, f1: 0 },
    // There is no answer: only silence is right, and an article is silence.
    { prediction: '', answers: [], exact: 1, f1: 1 },
    { prediction: 'the', answers: [], exact: 1, f1: 1 },
    { prediction: 'in 1988', answers: [], exact: 0, f1: 0 },
    { prediction: '', answers: ['Anna'], exact: 0, f1: 0 },
    // An answer of an article alone counts as none.
    { prediction: '', answers: ['a', 'the'], exact: 1, f1: 1 },
  ])('$prediction for $answers', ({ prediction, answers, exact, f1: expected }) => {
    expect(exactMatch(prediction, answers)).toBe(exact);
    expect(f1(prediction, answers)).toBeCloseTo(expected, 12);
  });

  it('searches the threshold from silence to everything, as the official script does', () => {
    const answered = (noAnswer: number, score: number, isEmpty = false) => ({ score, isEmpty, noAnswer, hasAnswer: true });
    const none = (noAnswer: number, isEmpty = false) => ({ score: isEmpty ? 1 : 0, isEmpty, noAnswer, hasAnswer: false });
    // Silent everywhere: 1 of 3. Answer the surest: 2 of 3. The wrong answer loses its point: 1; the last one gives 2.
    expect(bestScore([answered(0.1, 1), none(0.5), answered(0.9, 1)])).toBeCloseTo(2 / 3, 12);
    expect(bestScore([none(0.1), answered(0.2, 0.5)])).toBe(0.5);
    expect(bestScore([none(0.1, true), answered(0.2, 0.5)])).toBe(0.75);
    expect(bestScore([])).toBe(0);
  });
});

describe('the prompt forms of lm-evaluation-harness', () => {
  const question = (task: string, record: Record<string, unknown>): Question => TASKS[task].question(new Columns('data.jsonl', record, 0));

  it('SQuAD 2.0', () =>
    expect(question('squad2', { title: 'T', context: 'C', question: 'Q?', answers: { text: [], answer_start: [] } })).toEqual({
      kind: 'answer', context: 'Title: T\n\nBackground: C\n\nQuestion: Q?\n\nAnswer:', unanswerable: ' unanswerable', answers: [],
    }));

  it('Winogrande: the same end behind either name', () =>
    expect(question('winogrande', { sentence: 'A saw B as _ ran.', option1: 'A', option2: 'B', answer: '2' })).toEqual({
      kind: 'choice', gold: 1, lengths: [1, 1], pairs: [{ context: 'A saw B as A', continuation: ' ran.' }, { context: 'A saw B as B', continuation: ' ran.' }],
    }));

  it('HellaSwag: without the traces of its source', () =>
    expect(question('hellaswag', { activity_label: 'Work', ctx_a: '[header] How to [title] Dig.', ctx_b: 'the HOLE', endings: ['is [step] deep.', 'sings  loudly.'], label: '1' })).toEqual({
      kind: 'choice', gold: 1, lengths: [8, 13],
      pairs: [{ context: 'Work: How to. Dig. The hole', continuation: ' is deep.' }, { context: 'Work: How to. Dig. The hole', continuation: ' sings loudly.' }],
    }));

  it('BoolQ, in either form of the data set', () => {
    const expected = { kind: 'choice', gold: 1, lengths: [2, 3], pairs: ['no', 'yes'].map((word) => ({ context: 'P\nQuestion: q?\nAnswer:', continuation: ` ${word}` })) };
    expect(question('boolq', { passage: 'P', question: 'q', answer: true })).toEqual(expected);
    expect(question('boolq', { passage: 'P', question: 'q', label: 1n })).toEqual(expected);
  });

  it('ARC: labels of letters or numbers', () => {
    const record = { question: 'Q', choices: { text: ['x', 'y'], label: ['1', '2'] }, answerKey: '2' };
    expect(question('arc_easy', record)).toMatchObject({ gold: 1, pairs: [{ context: 'Question: Q\nAnswer:', continuation: ' x' }, { continuation: ' y' }] });
    expect(() => question('arc_challenge', { ...record, answerKey: 'C' })).toThrow('"answerKey" is "C"');
  });

  it('PIQA and LAMBADA', () => {
    expect(question('piqa', { goal: 'G', sol1: 'one', sol2: 'two', label: 0 })).toMatchObject({ gold: 0, lengths: [3, 3], pairs: [{ context: 'Question: G\nAnswer:', continuation: ' one' }, { continuation: ' two' }] });
    expect(question('lambada', { text: 'He saw the sea' })).toEqual({ kind: 'word', pair: { context: 'He saw the', continuation: ' sea' } });
  });

  it.each([
    ['piqa', { goal: 1, sol1: 'a', sol2: 'b', label: 0 }, 'record 1: "goal" must be a text'],
    ['piqa', { goal: 'g', sol1: 'a', sol2: 'b', label: 2 }, '"label" must be a whole number from 0 to 1'],
    ['squad2', { title: '', context: '', question: '', answers: null }, '"answers" must be an object with "text"'],
    ['hellaswag', { activity_label: '', ctx_a: '', ctx_b: '', endings: 'x', label: 0 }, '"endings" must be a list of texts'],
    ['winogrande', { sentence: 'no blank', option1: 'a', option2: 'b', answer: 1 }, '"sentence" has no _'],
    ['lambada', { text: 'word' }, '"text" has one word only'],
  ])('%s refuses %j', (task, record, reason) => expect(() => question(task, record)).toThrow(reason));
});

describe('the report', () => {
  const none = { dense: 0, required: 0 };
  const row = (mode: Answered['mode'], index: number, values: Record<string, number>): Answered => ({ task: 'lambada', mode, index, values, tokens: 10, ms: 100, read: { dense: 100, required: mode === 'dense' ? 100 : 40 }, written: none });
  const answers = [row('dense', 0, { acc: 1, logProbability: -1 }), row('dense', 1, { acc: 0, logProbability: -3 }), row('balanced', 0, { acc: 0, logProbability: -2 }), row('balanced', 1, { acc: 0, logProbability: -2 })];

  it('has means, perplexities, differences on the same questions, and what was skipped', () => {
    const [dense, balanced] = taskReport('M', 'both', answers).rows;
    expect(dense.figures.map(({ metric, value }) => [metric, value])).toEqual([['acc', 50], ['perplexity', Math.exp(2)]]);
    expect(dense.figures[0].difference).toBeUndefined();
    expect(balanced.figures[0].difference).toEqual({ value: -50, interval: [-100, 0] });
    expect(balanced.figures[1].difference!.value).toBeCloseTo(0, 12);
    expect([dense.sparsity.read, balanced.sparsity.read, balanced.tokensPerSecond]).toEqual([0, 0.6, 100]);
    expect(taskTable(taskReport('M', 'both', answers))).toContain('| lambada | acc | balanced | 2 | 0.00 | 0.00 to 0.00 | −50.00 | −100.00 to 0.00 | 60.0 | 60.0 | 100 |');
  });

  it('compares only questions that both modes have answered', () => {
    const [, balanced] = taskReport('M', 'both', answers.filter(({ mode, index }) => mode === 'balanced' || index === 1)).rows;
    expect(balanced.figures[0].difference!.value).toBe(0);
  });
});
