// The tests of windows in their order: which share a VS Code, and which share a window.

import { mkdirSync } from 'node:fs';
import { join } from 'node:path';
import { besideCompletions, chatInRestrictedMode, chatInTwoWindows, codeOfAnswers, comingBack, conversation, elsewhere, explaining, keyboard, modelThatDoesNotFit, quietChat, withoutModel } from './chat.mjs';
import { check } from './checks.mjs';
import { closing } from './closing.mjs';
import { existing } from './existing.mjs';
import { extensionPage } from './extensionPage.mjs';
import { failures, safeMode } from './failures.mjs';
import { disagreeing, fastTyping } from './fastTyping.mjs';
import { firstRun } from './firstRun.mjs';
import { acceptingParts, besideAnotherProvider, besideIntelliSense, firstGhostText, settingsMeanwhile, typingOn } from './ghostText.mjs';
import { growing } from './growing.mjs';
import { afterActivation, idle } from './lifeCycle.mjs';
import { neighbours } from './neighbours.mjs';
import { ownModel } from './ownModel.mjs';
import { places, restrictedMode } from './places.mjs';
import { crash } from './processes.mjs';
import { teamServer, teamServerInRestrictedMode } from './remote.mjs';
import { restart } from './restart.mjs';
import { screenshots } from './screenshots.mjs';
import { startSession } from './session.mjs';
import { surfaces } from './surfaces.mjs';
import { twoWindows } from './twoWindows.mjs';
import { visualizer, visualizerBesideCompletions, visualizerComingBack, visualizerComparing } from './visualizer.mjs';

/** How often windows are closed, and how long nobody types, where nothing else is asked for. */
const usual = { newest: { cycles: 50, idle: 20 }, floor: { cycles: 10, idle: 5 } };
const few = { cycles: 6, idle: 10 };
/** What a quick run does at the floor, and what it leaves out at the newest: what judges single frames wants a machine for itself. */
const beginning = ['activation', 'first ghost text', 'first run'];
const frameByFrame = ['ghost text that grows', 'surfaces around ghost text', 'another provider', 'fast typing', 'keys that disagree'];

/** @typedef {import('./session.mjs').Session} Session @typedef {import('./editorWindow.mjs').EditorWindow} EditorWindow */
/** @typedef {{ only: string, quick: boolean, routine: boolean, newest: boolean, seed: number, cycles?: number, idle?: number, screenshots?: string }} Options */

/** @param {string} base the beginning of new folders @param {string} vsix @param {Options} options */
export async function windowTests(base, vsix, { only, quick, routine, newest, seed, cycles, idle: seconds, screenshots: pictures }) {
  const amount = quick ? few : usual[newest ? 'newest' : 'floor'];
  const wanted = (/** @type {string} */ name) => only.split(',').some((word) => name.toLowerCase().includes(word.trim().toLowerCase())) && (!quick || (newest ? !frameByFrame.includes(name) : beginning.includes(name)));
  /** Tests of one window, in order. @type {Record<string, (session: Session, window: EditorWindow) => Promise<void>>} */
  const inOneWindow = {
    activation: (_, window) => afterActivation(window),
    'first ghost text': firstGhostText,
    'first run': (session, window) => firstRun(session, window, pictures),
    'settings meanwhile': settingsMeanwhile,
    'typing on': typingOn,
    'accepting parts': acceptingParts,
    'ghost text that grows': growing,
    'surfaces around ghost text': surfaces,
    'ghost text and what exists': existing,
    IntelliSense: besideIntelliSense,
    'another provider': besideAnotherProvider,
    'fast typing': (session, window) => fastTyping(session, window, seed),
    'keys that disagree': disagreeing,
    ...(newest ? { places, neighbours, 'own model': ownModel } : {}),
    'chat without a model': withoutModel,
    chat: conversation,
    'chat, keyboard': keyboard,
    'chat, a model that does not fit': modelThatDoesNotFit,
    'chat, code of answers': codeOfAnswers,
    'chat, explain': explaining,
    'chat beside completions': besideCompletions,
    'chat, coming back': comingBack,
    'chat elsewhere': elsewhere,
    'chat, quiet': quietChat,
    visualizer,
    'visualizer, comparing': visualizerComparing,
    'visualizer beside completions': visualizerBesideCompletions,
    'visualizer, coming back': visualizerComingBack,
    'extension page': (session, window) => extensionPage(session, window, pictures),
    ...(pictures ? { screenshots: (session, window) => screenshots(session, window, pictures) } : {}),
  };
  /** Tests that open windows of their own. @type {Record<string, (session: Session) => Promise<void>>} */
  const withWindows = routine ? {} : {
    ...(newest ? { 'two windows': twoWindows, restart, 'chat in two windows': chatInTwoWindows, failures: withWindow(failures) } : {}),
    'safe mode': (session) => safeMode(session, pictures),
    closing: (session) => closing(session, { cycles: cycles ?? amount.cycles, seed }),
  };

  // Nobody types for a while: the others go on meanwhile.
  const idling = inSession(`${base}-idle`, vsix, {}, wanted('idle'), (session) => attempt('idle', undefined, session, () => withWindow((_, window) => idle(session, window, seconds ?? amount.idle))(session)));
  await inSession(`${base} Zwölf Boxkämpfer 漢字`, vsix, {}, Object.keys(inOneWindow).some(wanted), async (session) => {
    const window = await session.openWindow();
    for (const [name, test] of Object.entries(inOneWindow)) if (wanted(name)) await attempt(name, window, session, () => test(session, window));
  });
  await idling;
  await inSession(`${base}-plain`, vsix, {}, Object.keys(withWindows).some(wanted), async (session) => {
    for (const [name, test] of Object.entries(withWindows)) if (wanted(name)) await attempt(name, undefined, session, () => test(session));
  });
  // It uses the network on purpose: no part of the offline proof.
  await inSession(`${base}-server`, vsix, { traced: false }, newest && !routine && wanted('team server'), (session) => attempt('team server', undefined, session, () => teamServer(session)));
  const restricted = routine ? {} : { 'restricted mode': restrictedMode, 'chat in restricted mode': chatInRestrictedMode, 'team server in restricted mode': teamServerInRestrictedMode };
  await inSession(`${base}-restricted`, vsix, { trust: false }, newest && Object.keys(restricted).some(wanted), async (session) => {
    for (const [name, test] of Object.entries(restricted)) if (wanted(name)) await attempt(name, undefined, session, () => test(session));
  });
}

/** @param {(session: Session, window: EditorWindow) => Promise<void>} test @returns {(session: Session) => Promise<void>} */
const withWindow = (test) => async (session) => {
  const window = await session.openWindow();
  try {
    await test(session, window);
  } finally {
    await window.close();
    await session.server.hostEnd(10_000, window.probe.pid);
  }
};

/** @param {string} name @param {EditorWindow | undefined} window @param {Session} session @param {() => Promise<void>} action */
async function attempt(name, window, session, action) {
  const started = performance.now();
  try {
    await action();
  } catch (error) {
    const picture = join(session.place.folder, `${name}.png`);
    const saved = await session.lastPage(window)?.screenshot({ path: picture }).then(() => true, () => false);
    const lines = String(error instanceof Error ? (error.stack ?? error.message) : error).split('\n');
    check(false, `${name}: runs to its end`, [...lines.slice(0, 8), ...(saved ? [picture] : [])]);
  }
  console.log(`  (${name}: ${((performance.now() - started) / 1000).toFixed(0)} s)`);
}

/** @param {string} folder @param {string} vsix @param {Parameters<typeof startSession>[2]} options @param {boolean} needed @param {(session: Session) => Promise<void>} use */
async function inSession(folder, vsix, options, needed, use) {
  if (!needed) return;
  mkdirSync(join(folder, '..'), { recursive: true });
  const session = await startSession(folder, vsix, options);
  check(true, `the package installs into ${JSON.stringify(folder.split('/').pop())}, with no network`);
  let ended = false;
  try {
    await use(session);
  } finally {
    ended = await session.stop();
  }
  check(ended, 'the server ends without being killed');
  const log = session.server.log();
  const ends = [...log.matchAll(/Extension Host Process exited with (.*?)\.?$/gm)].map(([, how]) => how);
  const bad = ends.filter((how) => how !== 'code: 0, signal: null');
  check(ends.length > 0 && bad.length === 0, `all ${ends.length} extension hosts that ended did so with code 0 and no signal`, bad);
  const crashes = session.place.logs().filter((line) => crash.test(line));
  check(crashes.length === 0, 'no abort in the log', crashes);
}
