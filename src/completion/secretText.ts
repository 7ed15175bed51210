// Texts that are passwords or keys wherever they stand, by the forms that their makers gave them so that they can be found: what holds one stays on this computer.

/** By the public lists of secret scanners: private keys, AWS, GitHub, GitLab, Slack, Google, Stripe, OpenAI and its like, npm, PyPI, Azure storage, and passwords in addresses. */
const FORMS: readonly RegExp[] = [
  /-----BEGIN (?:[A-Z0-9]+ )*PRIVATE KEY(?: BLOCK)?-----/, /\b(?:AKIA|ASIA)[0-9A-Z]{16}\b/, /\bgh[pousr]_[A-Za-z0-9]{36}/, /\bgithub_pat_[A-Za-z0-9_]{22,}/, /\bglpat-[A-Za-z0-9_-]{20}/, /\bxox[abeprs]-[A-Za-z0-9-]{10,}/,
  /\bAIza[0-9A-Za-z_-]{35}/, /\b[rs]k_live_[0-9A-Za-z]{16,}/, /\bsk-(?:[a-z]+-)*[A-Za-z0-9_-]{32,}/, /\bnpm_[A-Za-z0-9]{36}/, /\bpypi-[A-Za-z0-9_-]{50,}/, /\bAccountKey=[A-Za-z0-9+/]{60,}/,
  /\b[a-z][a-z0-9+.-]{1,20}:\/\/[^\s:/@'"`<>{}$]{1,100}:[^\s:/@'"`<>{}$*]{3,200}@[A-Za-z0-9.-]+/,
];

export const holdsSecret = (text: string): boolean => FORMS.some((form) => form.test(text));
