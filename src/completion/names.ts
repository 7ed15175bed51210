// Names in a text that the document does not have: what comes from another file, or from nowhere.
import type { Snapshot } from '../prompt/snapshot.ts';
import { hasName } from '../shared/names.ts';

const NAME = /(?<![\p{L}\p{N}_$.'"`#@/-]|->|::|\?\.)[\p{L}_$][\p{L}\p{N}_$]*(?![\p{L}\p{N}_$]|\s*[:=](?!=)|['"`/-])/gu;
const STRINGS = /(["'`])(?:\\.|(?!\1).)*\1?/g;
const COMMENT = /(?:\/\/|#(?!\w)).*$/;
/** What every file has without a word about it. */
const EVERYWHERE = new Set(
  ('abs all any append bool break case catch char class const constructor continue def default defer del do double echo elif else end enum enumerate except exit export extends f false False filter final finally float fn for format from func function go goto ' +
    'if impl implements import in include instanceof int interface is isinstance it lambda len let list long loop map match max min mod module mut namespace new nil None not null number object of Object or and as assert async await ' +
    'override package pass print printf println private protected pub public raise range readonly require rescue return round Self self set short sizeof sorted static str String string struct sum super switch table template then this throw throws ' +
    'trait true True try tuple type typeof undefined union unknown unless unsigned until use using val var virtual void when where while with yield zip dict bytes object property repr ' +
    'Array Boolean Date Error Infinity JSON Map Math NaN Number Promise RegExp Set console document process window parseInt parseFloat never any boolean Record Partial Readonly ' +
    'Exception KeyError TypeError ValueError open input iter next hasattr getattr setattr super staticmethod classmethod ' +
    'Some Ok Err None Option Result Vec Box usize u8 u16 u32 u64 i8 i16 i32 i64 f32 f64 bool str make append len cap error byte rune panic nil fmt ' +
    'System Integer Long Double List Exception decimal var puts attr_reader nil do each end local fi done esac').split(' '),
);

/** What a text declares itself. */
const OWN = /\b(?:const|let|var|for|as|def|fn|func|function|class|struct|enum|type|interface)\s+\(?(?!(?:const|let|var)\b)([\p{L}_$][\p{L}\p{N}_$]*(?:\s*,\s*[\p{L}_$][\p{L}\p{N}_$]*)*)|([\p{L}_$][\p{L}\p{N}_$]*)\s*(?:=>|:=)|\(([^()]*)\)\s*=>|\|([^|]*)\|/gu;

/** In code, in the order of the text, each once: names that stand for themselves (no members, keys, words in strings) and are nowhere in the document. */
export function unknownNames(text: string, { before, after }: Snapshot): string[] {
  // The first word may go on with what stands before it.
  const begun = /[\p{L}\p{N}_$.]*$/u.exec(before.slice(-100))![0];
  const code = begun + text.replace(STRINGS, (string) => ' '.repeat(string.length)).replace(COMMENT, '');
  const own = new Set([...code.matchAll(OWN)].flatMap((found) => found.slice(1).join(' ').match(/[\p{L}_$][\p{L}\p{N}_$]*/gu) ?? []));
  const names = new Set([...code.matchAll(NAME)].map(([name]) => name));
  return [...names].filter((name) => name.length > 1 && !EVERYWHERE.has(name) && !own.has(name) && !hasName(before, name, before.length - begun.length) && !hasName(after, name));
}
