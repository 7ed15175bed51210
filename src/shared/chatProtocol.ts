// Messages between the chat view and its host in the extension. Plain data that both sides import.
// The host owns the conversation. The view shows it, says `hello` with the last sequence number that it has, and gets the rest or everything anew.

/** Raised with every change that an older view could not read: a view of another version asks for nothing and shows nothing. */
export const CHAT_PROTOCOL = 1;

/** `cut`: a limit of tokens or the end of the context ended it, it can go on. `waiting`: for a model, or for others in the queue. */
export type AnswerState = 'waiting' | 'reading' | 'writing' | 'done' | 'stopped' | 'cut' | 'failed';

/** Text that goes with a question. */
export interface AttachmentView {
  id: string;
  kind: 'selection' | 'file' | 'problems' | 'symbol';
  /** "engine.ts:40–92". */
  label: string;
  /** The path as the user knows it, relative to its workspace folder. */
  detail: string;
  /** Null: not counted yet. */
  tokens: number | null;
  /** Why it does not take part, one sentence; null: it does. */
  refused: string | null;
}

/** How an answer came to be. */
export interface AnswerFigures {
  /** Tokens of the prompt that the cache knew, and those that were read for it. */
  reused: number;
  computed: number;
  written: number;
  /** Seconds from the question to the first word. */
  firstWord: number;
  /** Written tokens a second. */
  rate: number;
}

export interface QuestionView {
  role: 'user';
  id: string;
  text: string;
  attachments: AttachmentView[];
  /** True: too old for the model's context, it no longer takes part. */
  dropped: boolean;
}

export interface AnswerView {
  role: 'assistant';
  id: string;
  /** Markdown, as the model wrote it: nothing of it is trusted. */
  text: string;
  /** What the model wrote between think tags; shown folded. */
  reasoning: string;
  state: AnswerState;
  /** While it reads: tokens read so far of those that are to be read, and the seconds left as far as they can be told. */
  reading: { done: number; total: number; secondsLeft: number | null } | null;
  /** One sentence; of the state "failed", or why it waits. */
  note: string | null;
  figures: AnswerFigures | null;
  dropped: boolean;
}

export type TurnView = QuestionView | AnswerView;

/** A model file on this computer that could answer. */
export interface OfferView {
  id: string;
  name: string;
  /** The program that keeps it: "Ollama", "LM Studio"…; "Chosen by you". */
  origin: string;
  /** "1.5 B parameters · Q4_K_M · 1.1 GB". */
  detail: string;
  /** Why it cannot be used, one sentence; null: it can. */
  refused: string | null;
}

export type ModelView =
  /** No chat model is chosen; `offers` is null as long as nobody looked, and `searching` while somebody does. */
  | { state: 'none'; offers: OfferView[] | null; searching: boolean }
  | { state: 'loading'; name: string; /** 0…1 */ share: number }
  | { state: 'ready'; name: string; /** Where questions go, where that is not this computer. */ server?: string }
  | { state: 'failed'; name: string; sentence: string; offers: OfferView[] | null; searching: boolean };

/** Everything that is shown besides the turns. */
export interface ChatSurroundings {
  title: string;
  model: ModelView;
  /** Of the next question. */
  attachments: AttachmentView[];
  /** Of the next question with all that goes before it: tokens, the most that the model reads, seconds to the first word where the speed is known. */
  estimate: { tokens: number; most: number; secondsToFirstWord: number | null } | null;
  /** True while a question waits for a model to be chosen. */
  kept: boolean;
  /** Something to say that belongs to no turn, one sentence: oldest turns were left out, a model was unloaded. */
  note: string | null;
}

export interface ChatState extends ChatSurroundings {
  turns: TurnView[];
}

export type ChatChange =
  /** More text at the end of an answer. */
  | { kind: 'append'; turn: string; text: string }
  | { kind: 'reasoning'; turn: string; text: string }
  /** A turn takes the place of the one with its id, or comes behind the last one. */
  | { kind: 'turn'; turn: TurnView }
  /** This turn and all behind it are gone. */
  | { kind: 'truncate'; turn: string }
  | { kind: 'surroundings'; surroundings: ChatSurroundings };

/** Texts of the view in the user's language, by the English text; `{0}`, `{1}` are places for values. */
export type ChatWords = Readonly<Record<string, string>>;

/** From the host to the view. `epoch` is another one for every conversation that is shown. */
export type ToChatView =
  | { type: 'state'; protocol: number; epoch: string; seq: number; state: ChatState; words: ChatWords }
  | { type: 'change'; epoch: string; seq: number; change: ChatChange }
  /** The keyboard belongs into the input. */
  | { type: 'focus' };

/** From the view to the host. */
export type FromChatView =
  | { type: 'hello'; protocol: number; epoch: string | null; seq: number }
  | { type: 'ask'; text: string }
  /** The question is asked anew with another text; what followed it goes. */
  | { type: 'edit'; turn: string; text: string }
  | { type: 'stop' }
  | { type: 'continue' }
  | { type: 'regenerate'; turn: string }
  /** What is in the input now, after a pause of typing: to estimate and to read ahead. */
  | { type: 'typing'; text: string }
  | { type: 'attach' }
  | { type: 'detach'; id: string }
  /** What a code block holds, and what is to be done with it. */
  | { type: 'code'; action: 'copy' | 'insert' | 'apply'; language: string; text: string }
  | { type: 'copyAnswer'; turn: string }
  | { type: 'useModel'; offer: string }
  | { type: 'chooseFile' }
  | { type: 'findModels' }
  | { type: 'retry' }
  | { type: 'newConversation' }
  | { type: 'history' }
  /** A link that was clicked. The host decides what becomes of it. */
  | { type: 'open'; href: string };
