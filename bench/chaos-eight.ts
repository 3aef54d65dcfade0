// A box with eight stations, of which one is killed.
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { childrenOf } from '../src/machine/processor.js';
import { eventually, freePort } from '../test/free-port.js';
import { startMosquitto } from '../test/mosquitto.js';
import { BROKER, configuration, daemon, missingOf, quiet, sleep, subscriber } from './box-at-work.js';
import type { Row } from './chaos.js';

const DETECTED_MS = 120_000;
const HEALED_MS = 120_000;
const STATIONS = ['s1', 's2', 's3', 's4', 's5', 's6', 's7', 's8'];
const EVERY_MS = 1000;
/** So long the stations are watched before one is killed, and afterwards. */
const WATCHED_MS = 20_000;

/** One of eight stations is killed: for how long the others said nothing, at most, before and afterwards. */
export async function oneOfEight(fault: string): Promise<Row> {
	const folder = await mkdtemp(join(tmpdir(), 'inspectord-chaos-'));
	await using broker = await startMosquitto(await freePort(), folder, BROKER);
	await using heard = await subscriber(broker.url);
	await using running = daemon(await configuration(folder, broker.url, STATIONS, EVERY_MS));
	const timesOf = (station: string, fromMs: number, toMs = Number.POSITIVE_INFINITY) =>
		heard.verdicts.flatMap(({ message, heardMs }) =>
			message.station === station && heardMs >= fromMs && heardMs < toMs ? [heardMs] : [],
		);
	await eventually(
		'all eight judge parts',
		() => STATIONS.every((one) => timesOf(one, 0).length > 0),
		300_000,
	);
	await sleep(WATCHED_MS);
	const [victim] = await childrenOf(running.child.pid!);
	const struckMs = Date.now();
	process.kill(victim!, 'SIGKILL');
	const troubled = () => {
		const told = heard.states.find(({ state, heardMs }) => state === 'error' && heardMs >= struckMs);
		return told && { ms: told.heardMs - struckMs, station: told.topic.split('/').at(-2)! };
	};
	const killed = await eventually('one tells that it is gone', troubled, DETECTED_MS);
	const toldMs = struckMs + killed.ms;
	await eventually('it is healed', () => timesOf(killed.station, toldMs + EVERY_MS).length > 0, HEALED_MS);
	const healedMs = Date.now() - struckMs;
	await sleep(struckMs + WATCHED_MS - Date.now());
	running.child.kill('SIGTERM');
	await running.ended;
	await quiet(heard.verdicts, 1000);
	const others = STATIONS.filter((one) => one !== killed.station);
	const pause = (fromMs: number, toMs: number) =>
		Math.max(
			...others.flatMap((one) => {
				const times = [fromMs, ...timesOf(one, fromMs, toMs), toMs];
				return times.slice(1).map((ms, i) => ms - times[i]!);
			}),
		);
	const [before, after] = [pause(struckMs - WATCHED_MS, struckMs), pause(struckMs, struckMs + WATCHED_MS)];
	const disturbed = heard.states.filter(
		({ topic, state, heardMs }) =>
			heardMs >= struckMs && state === 'error' && !topic.includes(`/${killed.station}/`),
	);
	console.log(
		`the other seven: at most ${before} ms between two verdicts before, ${after} ms afterwards; ${disturbed.length} of them in error`,
	);
	const { lost, twice } = missingOf(heard.verdicts);
	await rm(folder, { recursive: true, force: true });
	return { fault, lost: lost + twice, wrongAccepts: 0, detectedMs: killed.ms, healedMs };
}
