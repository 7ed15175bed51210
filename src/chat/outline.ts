// Functions, classes and the like in a text of any usual language, by the look of their first lines and by indentation: enough to find one again.

export interface Item {
  kind: 'function' | 'type' | 'value';
  name: string;
  /** The first line, blanks made one. */
  text: string;
  /** First line of the comments and decorators right before it; `header` if there are none. */
  lead: number;
  header: number;
  /** The first line behind it. */
  last: number;
  /** How many items it lies in. */
  depth: number;
}

const modifiers = /^(?:(?:export|default|declare|public|private|protected|internal|static|async|abstract|override|final|sealed|partial|readonly|virtual|inline|extern|unsafe|suspend|open|pub(?:\([^)]*\))?|get|set)\s+)+/;
const keywords = /^(?:if|else|for|foreach|while|do|switch|match|case|catch|try|finally|return|throw|new|await|yield|with|elif|except|using|lock|unless|until|when|print|assert|del|raise|import|from|package|require|include)\b/;
const types = /^(?:const\s+)?(?:class|interface|enum|struct|trait|impl(?:<[^>]*>)?|namespace|module|record|object|union|protocol|extension|mod|type)\s+([\w$.:<>, ]*[\w$>])/;
const functions = /^(?:const\s+)?(?:function\s*\*?|def|fn|func|fun|sub|proc|macro_rules!)\s*(?:\([^)]*\)\s*)?([\w$.:]+[?!]?)/;
const values = /^(?:const|let|var|val)\s+(?:mut\s+)?([\w$]+)\s*(?::[^=]*)?=/;
const assignedFunction = /^(?:const|let|var|val)\s+([\w$]+)\s*(?::[^=]*)?=\s*(?:async\s*)?(?:function\b|\(.*|[\w$]+\s*=>)/;
/** `name(…) {` as methods have it, and `type name(…)` as C has it. */
const methods = /^(?:[\w$:<>,*&[\]?.]+\s+[*&]*)*([\w$#~:]+)\s*(?:<[^>()]*>)?\(([^;]*)$/;

/** What begins in this line, if anything does. */
export function begun(line: string, next?: string): Pick<Item, 'kind' | 'name'> | undefined {
  const text = line.trim().replace(modifiers, '');
  if (keywords.test(text) || text === '') return undefined;
  const type = types.exec(text);
  if (type !== null) return { kind: 'type', name: type[1].replace(/\s*(?:extends|implements|:|where)\s.*$/, '').replace(/\s+/g, ' ') };
  const named = functions.exec(text) ?? assignedFunction.exec(text);
  if (named !== null) return { kind: 'function', name: named[1] };
  const value = values.exec(text);
  if (value !== null) return { kind: 'value', name: value[1] };
  const method = methods.exec(text);
  if (method !== null && (/(?:\{|=>|\(|,)\s*$/.test(text) || next?.trim() === '{') && !/^[.)\]}]/.test(text)) return { kind: 'function', name: method[1] };
  return undefined;
}

export function itemsOf(lines: readonly string[]): Item[] {
  const items: Item[] = [];
  const open: { last: number }[] = [];
  lines.forEach((line, header) => {
    while (open.length > 0 && open.at(-1)!.last <= header) open.pop();
    const what = begun(line, lines[header + 1]);
    if (what === undefined) return;
    const last = endOf(lines, header);
    // A call that spreads over lines looks like a method's head; nothing is inside a body but what is deeper.
    items.push({ ...what, text: line.trim().replace(/\s+/g, ' '), lead: leadOf(lines, header), header, last, depth: open.length });
    open.push({ last });
  });
  return items;
}

const width = (line: string): number => /^[ \t]*/.exec(line)![0].replace(/\t/g, '    ').length;
const isBlank = (line: string): boolean => line.trim() === '';
/** Goes on with what began at the same indentation: its body in brackets, its end, its other branch. */
const continues = /^(?:[)\]}{]|end\b|<\/|else\b|elif\b|except\b|catch\b|finally\b|rescue\b|ensure\b|then\b|do\b|where\b|=>)/;

/** The first line behind what begins here: everything deeper belongs to it, and what closes it. */
function endOf(lines: readonly string[], header: number): number {
  const depth = width(lines[header]);
  let last = header + 1;
  for (let i = header + 1; i < lines.length; i++) {
    if (isBlank(lines[i])) continue;
    const here = width(lines[i]);
    if (here < depth || (here === depth && !continues.test(lines[i].trim()))) break;
    last = i + 1;
    if (here === depth && /^(?:[)\]}]+[;,)]*|end[;,]?)$/.test(lines[i].trim())) break;
  }
  return last;
}

const leading = /^(?:\/\/|\/\*|\*|#|--|;;|@|\[[A-Z]\w*.*\]$|"""|%)/;

/** Comments, decorators and attributes right above, at the same indentation. */
function leadOf(lines: readonly string[], header: number): number {
  let lead = header;
  while (lead > 0 && leading.test(lines[lead - 1].trim()) && !isBlank(lines[lead - 1]) && Math.abs(width(lines[lead - 1]) - width(lines[header])) <= 1) lead--;
  return lead;
}
