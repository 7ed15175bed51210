// Texts that steer some model where a server reads them as tokens: turns, places to fill in, ends. Of a model here the tokenizer sees to it that what a user typed is
// text (`tokenizer/controlText`); a server that is given one text cannot tell.

const FORMS = /<[|｜][^<>|｜\s]{1,40}[|｜]>|<fim[-_]\w{1,20}>|<(?:start|end)_of_turn>|\[\/?INST\]/gu;
/** Breaks such a text behind its first character: no reader sees it. */
const BREAK = '\u200b';

export const steers = (text: string): boolean => text.search(FORMS) >= 0;

/** The same text for a reader, and for no model a token that steers it. */
export const withoutSteering = (text: string): string => text.replace(FORMS, (found) => found[0] + BREAK + found.slice(1));
