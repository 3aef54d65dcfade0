import { randomBytes } from 'node:crypto';
import { join } from 'node:path';
import { pause } from '../src/base/retry.js';
import { askRemotely } from '../src/mqtt/ask.js';
import { type Answer, answerSchema } from '../src/protocol/answer.js';
import type { RequestName, Result } from '../src/protocol/requests.js';
import type { Role } from '../src/protocol/roles.js';
import { topicOf } from '../src/protocol/topics.js';
import { askLocally } from '../src/socket/ask.js';
import { SOCKET } from '../src/socket/place.js';
import { eventually } from './free-port.js';

const never = new AbortController().signal;

/**
 * What the daemon answers whose journal lies in `state`: as `inspectord ask` asks, without a program for each question.
 * @throws Failure daemon-unreachable
 */
export async function answerOf(state: string, name: RequestName, what: object = {}): Promise<Answer> {
	const said: string[] = [];
	const json = JSON.stringify({ id: freshId(), ...what });
	await itsTurn(state);
	await askLocally(join(state, SOCKET), name, json, (line) => void said.push(line), never);
	return answerSchema.parse(JSON.parse(said.at(-1) ?? 'null'));
}

/** What a box answers over a broker that lets everybody in. */
export async function answerOver(
	url: string,
	{ box, role }: { readonly box: string; readonly role: Role },
	name: RequestName,
	what: object = {},
): Promise<Answer> {
	const client = `test-${freshId()}`;
	const place = { root: 'inspectord', box };
	const answerTopic = topicOf('answer', { ...place, client });
	const said: Uint8Array[] = [];
	const answered = new AbortController();
	await askRemotely(
		{
			url,
			credentials: {},
			requestTopic: topicOf('request', { ...place, role, name }),
			answerTopic,
			progressTopic: topicOf('progress', { ...place, client }),
			payload: Buffer.from(JSON.stringify({ id: freshId(), client, ...what })),
			onHeard: ({ topic, payload }) => {
				if (topic !== answerTopic) return;
				said.push(payload);
				answered.abort();
			},
		},
		answered.signal,
	);
	return answerSchema.parse(JSON.parse(Buffer.from(said[0]!).toString()));
}

/** A daemon answers five a second, and twenty after a rest: what is asked here leaves some of them to programs. */
const [PER_SECOND, BURST] = [4, 8];
const allowances = new Map<string, { left: number; atMs: number }>();

async function itsTurn(state: string): Promise<void> {
	const nowMs = performance.now();
	const { left, atMs } = allowances.get(state) ?? { left: BURST, atMs: nowMs };
	const more = Math.min(BURST, left + ((nowMs - atMs) / 1000) * PER_SECOND) - 1;
	allowances.set(state, { left: more, atMs: nowMs });
	if (more < 0) await pause((-more / PER_SECOND) * 1000, never);
}

const freshId = () => randomBytes(6).toString('hex');

/** The box and its stations as the daemon tells them; undefined where none answers. */
export async function toldBy(state: string): Promise<Result<'state'> | undefined> {
	const answer = await answerOf(state, 'state').catch(() => undefined);
	return answer?.result as Result<'state'> | undefined;
}

/** Resolves when a daemon answers and all its stations, so many, run. */
export function stationsRun(state: string, count = 1): Promise<unknown> {
	const allRun = async () => {
		const stations = (await toldBy(state))?.stations ?? [];
		return stations.length === count && stations.every((one) => one.state === 'running');
	};
	return eventually('all stations run', allRun, 180_000);
}
