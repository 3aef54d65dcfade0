// A box at work for the benches of faults: the real daemon on pictures of the simulated line, and a subscriber that never misses a word.
import { mkdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { encodePng } from '../src/opencv/picture.js';
import type { VerdictMessage } from '../src/protocol/verdict.js';
import { drawPart } from '../src/sim/line.js';
import { type Heard, listen } from '../test/mosquitto.js';
import { type Running, startWith } from '../test/program.js';
import { tinyBundle } from '../test/tiny-bundle.js';

export const BOX = 'bench';

/** As docs/mosquitto wants it: by default it takes 20 messages at a time, which is 200 a second over a line of 100 ms. */
export const BROKER = ['max_queued_messages 0', 'max_inflight_messages 64'];

export type Told = { readonly message: VerdictMessage; readonly heardMs: number };

/** Everything that a subscriber with a lasting session hears, whatever the broker goes through. */
export async function subscriber(url: string) {
	const listening = await listen(url);
	const verdicts: Told[] = [];
	const gaps: Heard[] = [];
	const states: { readonly topic: string; readonly state: string; readonly heardMs: number }[] = [];
	listening.client.on('message', (topic, payload, { retain }) => {
		if (topic.endsWith('/verdict'))
			verdicts.push({ message: JSON.parse(payload.toString()) as VerdictMessage, heardMs: Date.now() });
		if (topic.endsWith('/gap')) gaps.push({ topic, payload, retain });
		if (topic.endsWith('/state'))
			states.push({ topic, state: JSON.parse(payload.toString()).state as string, heardMs: Date.now() });
	});
	return { verdicts, gaps, states, [Symbol.asyncDispose]: () => listening[Symbol.asyncDispose]() };
}

/** A configuration of stations that look at pictures for ever; `more`: lines of it. @returns its file */
export async function configuration(
	folder: string,
	url: string,
	stations: readonly string[],
	everyMs: number,
	more = '',
): Promise<string> {
	const pictures = join(folder, 'pictures');
	await mkdir(pictures, { recursive: true });
	for (const i of [0, 1, 2])
		await writeFile(join(pictures, `${i}.png`), encodePng(drawPart(1, i, undefined, 96).image));
	const bundle = await tinyBundle(join(folder, 'bundle'));
	const file = join(folder, 'bench.yaml');
	const lines = [
		`box: ${BOX}`,
		`mqtt: { url: "${url}" }`,
		'stations:',
		...stations.map((name) => `  ${name}: { camera: { source: pictures, loop: true }, recipe: r }`),
		`recipes: { r: { model: "${bundle}", threads: 1, trigger: { everyMs: ${everyMs} }, heatmap: { most: 1 } } }`,
		more,
	];
	await writeFile(file, lines.join('\n'));
	return file;
}

export const daemon = (file: string): Running => startWith({}, 'run', '--config', file, '--json');

export type Found = {
	/** Numbers of a station, and parts within a run of its process, that nobody heard of. */
	readonly lost: number;
	/** Numbers that came with two ids. */
	readonly twice: number;
	readonly repeated: number;
	readonly verdicts: number;
};
/** What of a box's verdicts nobody heard. */
export function missingOf(told: readonly Told[]): Found {
	const numbers = new Map<string, Map<number, string>>();
	const runs = new Map<string, Set<number>>();
	let twice = 0;
	let repeated = 0;
	for (const { message } of told) {
		const { station, sequence, id, run, runSequence } = message;
		const known = numbers.get(station) ?? new Map<number, string>();
		numbers.set(station, known);
		const before = known.get(sequence);
		if (before === id) repeated += 1;
		else if (before !== undefined) twice += 1;
		known.set(sequence, id);
		runs.set(run, (runs.get(run) ?? new Set()).add(runSequence));
	}
	const holes = [...numbers.values()].map((known) => Math.max(...known.keys()) - known.size);
	const inRuns = [...runs.values()].map((parts) => Math.max(...parts) - parts.size);
	const sum = (values: readonly number[]) => values.reduce((a, b) => a + b, 0);
	return { lost: sum(holes) + sum(inRuns), twice, repeated, verdicts: told.length };
}

/** Nothing more comes for a while. */
export async function quiet(told: readonly Told[], forMs: number): Promise<void> {
	for (let before = -1; before !== told.length; ) {
		before = told.length;
		await new Promise((resolve) => setTimeout(resolve, forMs));
	}
}

export const sleep = (ms: number) => new Promise((resolve) => setTimeout(resolve, ms));
