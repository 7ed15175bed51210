// A chat template comes with a model file from anywhere: it is run with a bound on its steps, its nesting and everything it makes.
// Every evaluation of the interpreter passes through `evaluate`; what could make much out of little is measured before it happens.
import { Environment, Interpreter, parse, tokenize } from '@huggingface/jinja';

type Value = ReturnType<Interpreter['evaluate']>;
type Program = Parameters<Interpreter['run']>[0];
interface Node {
  type: string;
  [field: string]: unknown;
}

/** The template asks for more than any real one. */
export class TemplateLimit extends Error {}
/** The template called `raise_exception`. */
export class TemplateRaised extends Error {}

/** The longest templates in use have about 30,000 characters. */
const maxSource = 1 << 17;
/** Blanks in a row: the library's search for `generation` tags is quadratic in them. */
const maxBlanks = 1000;
/** Evaluations within evaluations. Real templates stay below 100. */
const maxDepth = 400;
/** Real templates take about 100 steps a message. */
const baseSteps = 200_000;
const stepsPerMessage = 2000;
/** Beside a multiple of what the conversation has. */
const baseChars = 1 << 20;
/** Characters handled for one step. */
const charsPerStep = 256;
/** `range` and `split`; templates count over messages and tools. */
const maxItems = 10_000;
/** An element of a list or object, in characters. */
const elementWeight = 16;
/** Lists within lists; tool schemas go about ten deep. */
const maxNesting = 64;

/** Parses as Hugging Face does: `trim_blocks` and `lstrip_blocks` on, every line end a line feed. Throws what the library throws, or a TemplateLimit. */
export function parseTemplate(source: string): Program {
  if (source.length > maxSource) throw new TemplateLimit(`it has ${source.length} characters`);
  if (new RegExp(`\\s{${maxBlanks}}`).test(source)) throw new TemplateLimit(`it has more than ${maxBlanks} blanks in a row`);
  return bounded(() => parse(tokenize(source.replace(/\r\n?/g, '\n'), { lstrip_blocks: true, trim_blocks: true })));
}

/** Runs the program with these variables; functions get plain values. Throws a TemplateRaised, a TemplateLimit, or what the library throws. */
export function runTemplate(program: Program, variables: Readonly<Record<string, unknown>>, messages: readonly { content: string }[]): string {
  const environment = new Environment();
  const globals = { false: false, true: true, none: null, False: false, True: true, None: null, range, raise_exception: raise, ...variables };
  for (const [name, value] of Object.entries(globals)) environment.set(name, value);
  const chars = messages.reduce((sum, { content }) => sum + content.length, 0);
  const interpreter = new BoundedInterpreter(environment, baseSteps + stepsPerMessage * messages.length + Math.ceil(chars / 4), baseChars + 8 * chars);
  return bounded(() => String(interpreter.run(program).value));
}

/** The stack and the longest string of the machine are bounds, too. The library throws and catches errors in passing: traces would cost more than the rest. */
function bounded<T>(work: () => T): T {
  const { stackTraceLimit } = Error;
  Error.stackTraceLimit = 0;
  try {
    return work();
  } catch (error) {
    if (error instanceof RangeError) throw new TemplateLimit('it outgrows the memory');
    throw error;
  } finally {
    Error.stackTraceLimit = stackTraceLimit;
  }
}

function raise(message: unknown): never {
  throw new TemplateRaised(typeof message === 'string' ? message : 'no reason given');
}

function range(first: unknown, second?: unknown, third?: unknown): number[] {
  const [start, stop] = second === undefined ? [0, first] : [first, second];
  const step = third ?? 1;
  if (typeof start !== 'number' || typeof stop !== 'number' || typeof step !== 'number' || step === 0) throw new Error('range() takes whole numbers');
  const count = Math.max(0, Math.ceil((stop - start) / step));
  if (!(count <= maxItems)) throw new TemplateLimit(`it counts to ${count}`);
  return Array.from({ length: count }, (_, i) => start + i * step);
}

/** A node that has been evaluated. */
class Settled {
  readonly type = 'Settled';
  constructor(readonly value: Value) {}
}

interface Weight {
  /** Characters of everything in it, as often as it is in it. */
  chars: number;
  nesting: number;
}

class BoundedInterpreter extends Interpreter {
  private depth = 0;
  private readonly weights = new WeakMap<object, Weight>();

  constructor(
    environment: Environment,
    private steps: number,
    private readonly maxChars: number,
  ) {
    super(environment);
  }

  override evaluate(statement: Node | undefined, environment: Environment): Value {
    if (statement === undefined) return super.evaluate(undefined, environment);
    if (statement instanceof Settled) return statement.value;
    this.charge(1);
    if (++this.depth > maxDepth) throw new TemplateLimit(`it nests deeper than ${maxDepth}`);
    try {
      const value = this.dispatch(statement, environment);
      this.measure(value);
      return value;
    } finally {
      this.depth--;
    }
  }

  private dispatch(node: Node, environment: Environment): Value {
    switch (node.type) {
      case 'Identifier':
        return this.lookUp(node.value as string, environment);
      case 'MemberExpression':
        return this.member(node, environment);
      case 'FilterExpression':
        return this.filter(this.evaluate(node.operand as Node, environment), node.filter as Node, environment);
      case 'FilterStatement':
        return this.filter(this.evaluate({ type: 'Program', body: node.body }, environment), node.filter as Node, environment);
      case 'BinaryExpression':
        return this.binary(node, environment);
      case 'For':
        return super.evaluate(this.settleIterable(node, environment), environment);
      case 'Macro':
      case 'CallStatement':
        this.charge(maxSource / charsPerStep); // the library searches the whole body each time
        return super.evaluate(node, environment);
      default:
        return super.evaluate(node, environment);
    }
  }

  /** As the library does, without throwing an error for each variable that is not there. */
  private lookUp(name: string, environment: Environment): Value {
    for (let scope: Environment | undefined = environment; scope !== undefined; scope = scope.parent) {
      const found = scope.variables.get(name);
      if (found !== undefined) return found;
    }
    return super.evaluate(undefined, environment);
  }

  private member(node: Node, environment: Environment): Value {
    const object = this.evaluate(node.object as Node, environment);
    const value = super.evaluate({ ...node, object: new Settled(object) } as Node, environment);
    const isSlice = (node.property as Node).type === 'SliceExpression';
    if (isSlice || value?.type === 'FunctionValue') this.chargeChars(this.weigh(object).chars);
    return value?.type === 'FunctionValue' && object.type === 'StringValue' ? this.guard(value, object.value as string, node, environment) : value;
  }

  /** A method of a string, measured before it runs. */
  private guard(method: Value, text: string, node: Node, environment: Environment): Value {
    const property = node.property as Node;
    const name = node.computed ? String(this.evaluate(property, environment).value) : String(property.value);
    const call = method.value as (args: Value[], scope: Environment) => Value;
    const Method = method.constructor as new (value: typeof call) => Value;
    return new Method((args, scope) => {
      this.beforeText(name, text, args);
      const [characters] = args;
      return Object.hasOwn(strips, name) && characters?.type === 'StringValue' ? stringLike(characters, strips[name](text, characters.value as string)) : call(args, scope);
    });
  }

  private filter(operand: Value, filter: Node, environment: Environment): Value {
    const settled = filter.type === 'CallExpression' ? this.settleArguments(filter, environment) : { filter, values: [] };
    const { callee } = filter as { callee?: Node };
    const name = String((callee ?? filter).value);
    if (operand.type === 'NamespaceValue') throw new Error('a namespace has no filters');
    const { chars, nesting } = this.weigh(operand);
    this.chargeChars(name === 'sort' || name === 'dictsort' ? chars * 32 : chars);
    if (operand.type === 'StringValue') this.beforeText(name, operand.value as string, settled.values);
    else this.beforeList(name, chars, nesting, settled.values);
    const [characters] = settled.values;
    if (name === 'trim' && operand.type === 'StringValue' && characters?.type === 'StringValue') return stringLike(operand, strips.strip(operand.value as string, characters.value as string));
    return super.evaluate({ type: 'FilterExpression', operand: new Settled(operand), filter: settled.filter } as Node, environment);
  }

  /** `in`, `+`, `~` and comparisons handle both sides whole. */
  private binary(node: Node, environment: Environment): Value {
    const left = this.evaluate(node.left as Node, environment);
    const operator = (node.operator as { value: string }).value;
    if (operator === 'and' || operator === 'or') return super.evaluate({ ...node, left: new Settled(left) } as Node, environment);
    const right = this.evaluate(node.right as Node, environment);
    const [a, b] = [this.weigh(left).chars, this.weigh(right).chars];
    const search = (operator === 'in' || operator === 'not in') && right.type === 'StringValue' && left.type === 'StringValue';
    this.chargeChars(search ? searchCost(b, a) : a + b);
    if (a + b > this.maxChars) throw new TemplateLimit('it makes too long a text');
    return super.evaluate({ ...node, left: new Settled(left), right: new Settled(right) } as Node, environment);
  }

  /** Each turn of a loop costs memory before the first has run. */
  private settleIterable(node: Node, environment: Environment): Node {
    const iterable = node.iterable as Node;
    const selects = iterable.type === 'SelectExpression';
    const list = this.evaluate((selects ? iterable.lhs : iterable) as Node, environment);
    const items = Array.isArray(list.value) ? list.value.length : list.value instanceof Map ? list.value.size : 0;
    this.charge(items * 4);
    const settled = new Settled(list);
    return { ...node, iterable: selects ? { ...iterable, lhs: settled } : settled };
  }

  /** Arguments are evaluated once; literals stay, some filters ask for them. */
  private settleArguments(call: Node, environment: Environment): { filter: Node; values: Value[] } {
    const values: Value[] = [];
    const settle = (node: Node): Settled => {
      const settled = new Settled(this.evaluate(node, environment));
      values.push(settled.value);
      return settled;
    };
    const args = (call.args as Node[]).map((argument): unknown => {
      if (argument.type === 'StringLiteral') settle(argument);
      if (argument.type === 'StringLiteral') return argument;
      if (argument.type === 'KeywordArgumentExpression') return { ...argument, value: settle(argument.value as Node) };
      if (argument.type === 'SpreadExpression' || argument.type === 'KeywordSpreadExpression') return { ...argument, argument: settle(argument.argument as Node) };
      return settle(argument);
    });
    return { filter: { ...call, args }, values };
  }

  /** What a method or filter of a text will make, before it does. */
  private beforeText(name: string, text: string, args: readonly Value[]): void {
    const [first, second] = this.flat(args);
    const firstText = typeof first === 'string' ? first : '';
    this.chargeChars(searchCost(text.length, firstText.length));
    for (const value of args) this.chargeChars(this.weigh(value).chars);
    if (name === 'replace' && typeof second === 'string') this.afford(text.length + occurrences(text, firstText) * second.length);
    if (name === 'join') this.afford(text.length * (1 + firstText.length));
    if (name === 'indent') this.afford(text.length + (occurrences(text, '\n') + 1) * numberOr(first, 4));
    if (name === 'split' && occurrences(text, typeof first === 'string' ? first : /\s+/g) >= maxItems) throw new TemplateLimit('it splits a text into too many parts');
    if (name === 'tojson') this.afford(text.length * 6);
  }

  /** What a filter of a list or object will make, before it does. */
  private beforeList(name: string, chars: number, nesting: number, args: readonly Value[]): void {
    const given = this.flat(args);
    const texts = given.reduce<number>((sum, value) => sum + (typeof value === 'string' ? value.length : 0), 0);
    const numbers = given.reduce<number>((sum, value) => sum + numberOr(value, 0), 0);
    const items = chars / elementWeight;
    this.chargeChars(items * texts);
    if (name === 'join') this.afford(chars + items * texts);
    if (name === 'tojson') this.afford(chars * 6 + items * (texts + nesting * numbers));
  }

  /** The plain values of arguments, those of keywords and of lists too. */
  private flat(args: readonly Value[]): unknown[] {
    return args.flatMap((value): unknown[] => {
      if (Array.isArray(value.value)) return this.flat(value.value.slice(0, maxItems) as Value[]);
      return value.value instanceof Map ? this.flat([...(value.value as Map<string, Value>).values()]) : [value.value];
    });
  }

  private charge(steps: number): void {
    this.steps -= steps;
    if (!(this.steps >= 0)) throw new TemplateLimit('it does not come to an end');
  }

  private chargeChars(chars: number): void {
    this.charge(Math.floor(chars / charsPerStep));
  }

  private afford(chars: number): void {
    if (!(chars <= this.maxChars)) throw new TemplateLimit('it makes too long a text');
  }

  private measure(value: Value): void {
    if (value !== undefined) this.afford(this.weigh(value).chars);
  }

  private weigh(value: Value): Weight {
    if (value?.type === 'StringValue') return { chars: (value.value as string).length, nesting: 0 };
    const inside = value?.value;
    const items = Array.isArray(inside) ? (inside as Value[]) : inside instanceof Map ? [...(inside as Map<string, Value>).values()] : undefined;
    if (items === undefined) return { chars: elementWeight, nesting: 0 };
    const known = this.weights.get(value);
    if (known !== undefined) return known;
    this.charge(Math.floor(items.length / 16));
    const weight = { chars: 0, nesting: 0 };
    if (inside instanceof Map) for (const key of inside.keys() as Iterable<string>) weight.chars += key.length;
    for (const item of items) {
      // A namespace changes, and can hold itself: nothing may hold one whose weight is kept.
      if (item?.type === 'NamespaceValue') throw new TemplateLimit('it puts a namespace into a list');
      const { chars, nesting } = this.weigh(item);
      weight.chars += chars + elementWeight;
      weight.nesting = Math.max(weight.nesting, nesting + 1);
    }
    if (weight.nesting > maxNesting) throw new TemplateLimit(`it puts lists into lists, more than ${maxNesting} deep`);
    if (value.type !== 'NamespaceValue') this.weights.set(value, weight);
    return weight;
  }
}

/** Characters looked at, at worst, when a text of one length is searched in one of another. */
const searchCost = (text: number, searched: number): number => text * Math.max(1, searched / 16);

/** Python's, which take away the characters that are given; the library's take away blanks, whatever is given. */
const strips: Readonly<Record<string, (text: string, characters: string) => string>> = {
  lstrip: (text, characters) => withoutFirst([...text], characters).join(''),
  rstrip: (text, characters) => withoutFirst([...text].reverse(), characters).reverse().join(''),
  strip: (text, characters) => strips.rstrip(strips.lstrip(text, characters), characters),
};

function withoutFirst(letters: string[], characters: string): string[] {
  const gone = new Set(characters);
  const end = letters.findIndex((letter) => !gone.has(letter));
  return end < 0 ? [] : letters.slice(end);
}

/** A text in the library's form, as this one is. */
const stringLike = (value: Value, text: string): Value => new (value.constructor as new (text: string) => Value)(text);

const numberOr = (value: unknown, otherwise: number): number => (typeof value === 'number' ? value : otherwise);

/** How often a text occurs in another; the empty one between all characters. */
function occurrences(text: string, searched: string | RegExp): number {
  if (searched === '') return text.length + 1;
  let count = 0;
  if (typeof searched === 'string') for (let at = text.indexOf(searched); at >= 0; at = text.indexOf(searched, at + searched.length)) count++;
  else for (const _ of text.matchAll(searched)) count++;
  return count;
}
