// The tasks: how a record of each data set becomes a question to a language model. Prompt forms, choices and metrics are those of lm-evaluation-harness 0.4
// (lm_eval/tasks, zero-shot); HumanEval infilling is Bavarian et al. 2022, its single-line set.
import type { Columns } from './records.ts';

/** A text and what may follow it. */
export interface Pair {
  context: string;
  continuation: string;
}

export type Question =
  /** Which of the continuations is the most probable: by its sum, and by its sum per character of the choice. */
  | { kind: 'choice'; pairs: Pair[]; lengths: number[]; gold: number }
  /** Whether the continuation is what greedy decoding gives, and its log-likelihood. */
  | { kind: 'word'; pair: Pair }
  /** An answer is written up to the end of its line; beside it, how probable "unanswerable" is. */
  | { kind: 'answer'; context: string; unanswerable: string; answers: string[] }
  /** One line between two texts. */
  | { kind: 'infill'; before: string; after: string; right: string };

export interface Task {
  /** The data set on the hub, its split, and the columns that are read. */
  data: string;
  /** The metric that the table leads with. */
  main: string;
  question(record: Columns): Question;
}

const choices = (context: string, texts: string[], gold: number): Question => ({
  kind: 'choice', pairs: texts.map((text) => ({ context, continuation: ` ${text}` })), lengths: texts.map((text) => text.length), gold,
});

/** HellaSwag's texts come from WikiHow with traces of its markup. */
const cleaned = (text: string) => text.trim().replaceAll(' [title]', '. ').replace(/\[.*?\]/g, '').replaceAll('  ', ' ');
const capitalised = (text: string) => text.charAt(0).toUpperCase() + text.slice(1).toLowerCase();

function arc(record: Columns): Question {
  const [texts, labels, key] = [record.inner('choices', 'text'), record.inner('choices', 'label'), record.text('answerKey')];
  const gold = labels.indexOf(key);
  if (gold < 0 || texts.length !== labels.length) record.fail(`"answerKey" is ${JSON.stringify(key)}, which is no label of its ${texts.length} choices`);
  return choices(`Question: ${record.text('question')}\nAnswer:`, texts, gold);
}

export const TASKS: Record<string, Task> = {
  squad2: {
    data: 'rajpurkar/squad_v2, validation: title, context, question, answers.text',
    main: 'f1',
    question: (record) => ({
      kind: 'answer',
      context: `Title: ${record.text('title')}\n\nBackground: ${record.text('context')}\n\nQuestion: ${record.text('question')}\n\nAnswer:`,
      unanswerable: ' unanswerable',
      answers: record.inner('answers', 'text'),
    }),
  },
  winogrande: {
    data: 'allenai/winogrande, winogrande_xl, validation: sentence, option1, option2, answer',
    main: 'acc',
    question(record) {
      const [sentence, gold] = [record.text('sentence'), record.whole('answer', 1, 2) - 1];
      const blank = sentence.indexOf('_');
      if (blank < 0) record.fail('"sentence" has no _');
      // The same end behind either name: which name makes it more probable.
      const continuation = ` ${sentence.slice(blank + 1).trim()}`;
      return { kind: 'choice', gold, lengths: [1, 1], pairs: ['option1', 'option2'].map((name) => ({ context: sentence.slice(0, blank) + record.text(name), continuation })) };
    },
  },
  hellaswag: {
    data: 'Rowan/hellaswag, validation: activity_label, ctx_a, ctx_b, endings, label',
    main: 'acc_norm',
    question: (record) =>
      choices(cleaned(`${record.text('activity_label')}: ${record.text('ctx_a')} ${capitalised(record.text('ctx_b'))}`), record.texts('endings').map(cleaned), record.whole('label', 0, record.texts('endings').length - 1)),
  },
  piqa: {
    data: 'ybisk/piqa, validation: goal, sol1, sol2, label',
    main: 'acc',
    question: (record) => choices(`Question: ${record.text('goal')}\nAnswer:`, [record.text('sol1'), record.text('sol2')], record.whole('label', 0, 1)),
  },
  arc_easy: { data: 'allenai/ai2_arc, ARC-Easy, test: question, choices.text, choices.label, answerKey', main: 'acc', question: arc },
  arc_challenge: { data: 'allenai/ai2_arc, ARC-Challenge, test: question, choices.text, choices.label, answerKey', main: 'acc_norm', question: arc },
  boolq: {
    data: 'google/boolq, validation: passage, question, answer; or super_glue, boolq, validation: passage, question, label',
    main: 'acc',
    question: (record) => choices(`${record.text('passage')}\nQuestion: ${record.text('question')}?\nAnswer:`, ['no', 'yes'], record.whole(record.has('answer') ? 'answer' : 'label', 0, 1)),
  },
  lambada: {
    data: 'EleutherAI/lambada_openai, test: text',
    main: 'acc',
    question(record) {
      const text = record.text('text');
      const blank = text.lastIndexOf(' ');
      if (blank < 0) record.fail('"text" has one word only');
      return { kind: 'word', pair: { context: text.slice(0, blank), continuation: text.slice(blank) } };
    },
  },
  humaneval_infilling: {
    data: 'loubnabnl/humaneval_infilling or the authors\' HumanEval-SingleLineInfilling.jsonl: prompt, suffix, canonical_solution',
    main: 'exact',
    question: (record) => ({ kind: 'infill', before: record.text('prompt'), after: record.text('suffix'), right: record.text('canonical_solution') }),
  },
};
