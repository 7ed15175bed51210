// What asks a team's server, a bundle of its own that is loaded by the first request after one was named: VS Code need not read it at its start, and who has no
// server never does.
import type { AnswerSource } from '../../chat/answerSource.ts';
import type { TextSource } from '../../completion/source.ts';
import { ServerAnswers, type ServerAnswersNeeds } from './serverAnswers.ts';
import { ServerSource, type ServerSourceNeeds } from './serverSource.ts';

export type ServedNeeds = ServerSourceNeeds & { localAnswers: ServerAnswersNeeds['local'] } & Pick<ServerAnswersNeeds, 'team'>;

export interface Served {
  source: TextSource;
  answers: AnswerSource;
}

export const startServed = ({ localAnswers, ...needs }: ServedNeeds): Served => ({ source: new ServerSource(needs), answers: new ServerAnswers({ local: localAnswers, team: needs.team }) });
